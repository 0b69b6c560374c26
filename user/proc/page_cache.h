// A process's memory, each page is read once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "proc/memory.h"

namespace aiotrace::proc {

/// For walks over many small objects that lie close together: a page is read completely when it is first accessed;
/// other pages are never read. Data is as old as the first read of its page, so call forget() before each new look. Not
/// thread-safe.
class PageCache final : public Memory {
 public:
  static constexpr std::size_t kPage = 4096;
  /// When more pages than this (64 MiB) are cached, all are dropped, and read again when needed.
  static constexpr std::size_t kMaxPages = 16'384;

  /// `memory` must outlive this object.
  explicit PageCache(const Memory& memory) : memory_(memory), stop_(memory.stop()) {}

  [[nodiscard]] int try_read(std::uint64_t address, std::span<std::byte> into) const override;

  [[nodiscard]] const std::atomic<bool>* stop() const override { return stop_; }

  /// From now on pages are read again. Keeps the storage.
  void forget() const;

  /// The same, but reads the pages that were read before again now, in one system call, so that a look at the same
  /// objects sees data of one moment as far as possible. With very many pages it is the same as forget().
  void refresh() const;

  /// From this time on (CLOCK_MONOTONIC) every read fails with ETIME, except for a few reads for which the clock is not
  /// checked. This ends each walk, however long the target has made it.
  void end_at(std::uint64_t time_ns);
  /// Whether a read has failed for that reason: then the read data is incomplete.
  [[nodiscard]] bool late() const { return late_; }

  /// Number of pages read from the process so far, for statistics.
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
  // A small table in front of the map: pages by the low bits of their number.
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
