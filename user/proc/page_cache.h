// A process's memory, each page of it read once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "proc/memory.h"

namespace aiotrace::proc {

/// For walks over many small objects that lie close together: a page is read whole when it is first touched, and never
/// a page that was not asked for. What is read is as old as the page's first read: forget() before each new look.
/// Not for use by several threads.
class PageCache final : public Memory {
 public:
  static constexpr std::size_t kPage = 4096;
  /// More pages than this (64 MiB) are not kept: all are then forgotten, and read
  /// again when needed.
  static constexpr std::size_t kMaxPages = 16'384;

  /// `memory` must outlive this object.
  explicit PageCache(const Memory& memory) : memory_(memory), stop_(memory.stop()) {}

  [[nodiscard]] int try_read(std::uint64_t address, std::span<std::byte> into) const override;

  [[nodiscard]] const std::atomic<bool>* stop() const override { return stop_; }

  /// The next read of any page is a new one. Keeps the storage.
  void forget() const;

  /// The same, but the pages that have been read are read again now, in one system call: what a look at the same things
  /// will see is of one moment, as nearly as can be. Of very many pages it is forget().
  void refresh() const;

  /// From this time on (CLOCK_MONOTONIC) every read fails with ETIME, but for a few that the clock is not asked for:
  /// what ends each walk, however long the target has made it.
  void end_at(std::uint64_t time_ns);
  /// Whether a read has failed for that: what was read is not whole.
  [[nodiscard]] bool late() const { return late_; }

  /// Pages read from the process so far, for statistics.
  [[nodiscard]] std::uint64_t pages_read() const { return pages_read_; }

 private:
  struct Page {
    int error = 0;
    std::uint32_t slot = 0;
  };
  using Bytes = std::array<std::byte, kPage>;

  [[nodiscard]] const Bytes* page(std::uint64_t number, int& error) const;
  [[nodiscard]] bool over() const;

  const Memory& memory_;
  const std::atomic<bool>* stop_;
  mutable std::unordered_map<std::uint64_t, Page> pages_;
  mutable std::vector<std::unique_ptr<Bytes>> storage_;
  mutable std::size_t used_ = 0;  // of storage_
  // In front of the map: pages by the low bits of their number.
  struct Recent {
    std::uint64_t number = ~std::uint64_t{0};
    const Bytes* bytes = nullptr;
  };
  mutable std::array<Recent, 1024> recent_;
  mutable std::uint64_t pages_read_ = 0;
  mutable unsigned refreshes_ = 0;
  std::uint64_t end_ns_ = ~std::uint64_t{0};
  mutable std::uint64_t reads_ = 0;  // since end_at()
  mutable bool late_ = false;
};

}  // namespace aiotrace::proc
