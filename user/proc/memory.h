// The memory of a process, behind an interface, so that readers can be tested without a process.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

namespace aiotrace::proc {

/// Read data can be torn, stale or hostile: callers limit every walk and check every value.
class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = default;
  Memory& operator=(const Memory&) = default;
  virtual ~Memory() = default;

  /// Fills all of `into` from `address` on. 0, or the errno (EFAULT, ESRCH, EPERM); `into` is undefined then.
  [[nodiscard]] virtual int try_read(std::uint64_t address, std::span<std::byte> into) const = 0;

  struct Piece {
    std::uint64_t address = 0;
    std::span<std::byte> into;
  };
  /// Reads the first ones of `pieces` together, and returns how many were read completely. 0 if the memory has no
  /// faster way than reading them one by one.
  [[nodiscard]] virtual std::size_t read_at_once(std::span<const Piece> /*pieces*/) const { return 0; }

  /// Once this is set, every read fails, which ends all walks, however long the target has made them. Null: nothing
  /// does.
  [[nodiscard]] virtual const std::atomic<bool>* stop() const { return nullptr; }

  /// Fills all of `into`, or returns false.
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

/// A live process, by process_vm_readv: does not stop it or attach to it.
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
