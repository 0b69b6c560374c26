// The memory of a process, behind an interface so that readers are tested without one.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

namespace aiotrace::proc {

/// What is read can be torn, stale or hostile: callers bound every walk and check every value.
class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = default;
  Memory& operator=(const Memory&) = default;
  virtual ~Memory() = default;

  /// All of `into` from `address` on. 0, or why it failed (EFAULT, ESRCH, EPERM); `into` is undefined then.
  [[nodiscard]] virtual int try_read(std::uint64_t address, std::span<std::byte> into) const = 0;

  struct Piece {
    std::uint64_t address = 0;
    std::span<std::byte> into;
  };
  /// Reads the first ones of `pieces` in one piece of work: how many were read whole. 0 where memory has no quicker way
  /// than one after the other.
  [[nodiscard]] virtual std::size_t read_at_once(std::span<const Piece> /*pieces*/) const { return 0; }

  /// Once this is set every read fails: what ends all walks, however long the target has made them. Null: nothing does.
  [[nodiscard]] virtual const std::atomic<bool>* stop() const { return nullptr; }

  /// All of `into`, or false.
  [[nodiscard]] bool read(std::uint64_t address, std::span<std::byte> into) const {
    return try_read(address, into) == 0;
  }

  template <class T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::optional<T> read(std::uint64_t address) const {
    T value;
    if (!read(address, std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
    return value;
  }

  /// A pointer that is not null.
  [[nodiscard]] std::optional<std::uint64_t> pointer(std::uint64_t address) const {
    const auto value = read<std::uint64_t>(address);
    if (!value || *value == 0) return std::nullopt;
    return value;
  }
};

/// A live process, by process_vm_readv: neither stops it nor attaches to it.
class LiveMemory final : public Memory {
 public:
  /// `stop` must outlive this object.
  explicit LiveMemory(pid_t pid, const std::atomic<bool>* stop = nullptr) : pid_(pid), stop_(stop) {}
  /// ECANCELED: stopped.
  [[nodiscard]] int try_read(std::uint64_t address, std::span<std::byte> into) const override;
  /// One system call: at most IOV_MAX pieces.
  [[nodiscard]] std::size_t read_at_once(std::span<const Piece> pieces) const override;
  [[nodiscard]] const std::atomic<bool>* stop() const override { return stop_; }

 private:
  pid_t pid_;
  const std::atomic<bool>* stop_;
};

}  // namespace aiotrace::proc
