// A memory limit for the files of strangers: one account for everything that is read from them and stored.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace aiotrace::proc {

/// Limits in bytes for one file, for all files of one process, for all of one user's processes, and for everything.
/// Thread-safe. If one user exceeds the limit, only that user's files are refused.
class FileBudget {
 public:
  struct Limits {
    std::uint64_t file = 48u << 20;
    std::uint64_t process = 56u << 20;
    std::uint64_t user = 64u << 20;
    std::uint64_t total = 128u << 20;
    std::uint64_t checked = 256u << 20;  ///< bytes of all files of one user that are read only to take a checksum
  };
  /// The process that has a file mapped, and its user. Pid 0: no process, a file that is read for itself.
  struct Payer {
    pid_t pid = 0;
    uid_t user = 0;
  };

  FileBudget() = default;
  explicit FileBudget(const Limits& limits) : limits_(limits) {}
  /// The budget of this program.
  [[nodiscard]] static FileBudget& of_program();

  [[nodiscard]] const Limits& limits() const { return limits_; }
  /// False: it would exceed a limit; nothing is charged.
  [[nodiscard]] bool take(const Payer& payer, std::uint64_t bytes);
  void give_back(const Payer& payer, std::uint64_t bytes);
  /// Charges `bytes` that are read and not stored: this work is never refunded. False: it would exceed the limit.
  [[nodiscard]] bool spend(const Payer& payer, std::uint64_t bytes);
  /// Bytes that are charged now.
  [[nodiscard]] std::uint64_t held() const;

  /// A file, or a part of it, was too large to read. `identity`: each file counts once.
  void refuse(const std::string& identity);
  /// Files that were refused so far.
  [[nodiscard]] std::uint64_t refused() const;

 private:
  Limits limits_;
  mutable std::mutex mutex_;
  std::uint64_t total_ = 0;
  std::unordered_map<pid_t, std::uint64_t> of_process_;
  std::unordered_map<uid_t, std::uint64_t> of_user_;
  std::unordered_map<uid_t, std::uint64_t> checked_;
  std::unordered_set<std::string> refused_names_;
  std::uint64_t refused_ = 0;
};

/// The charge of one file to the budget.
class FileAccount : public std::enable_shared_from_this<FileAccount> {
 public:
  /// Bytes charged to an account during the lifetime of this object. Without bytes: the account refused.
  class Share {
   public:
    Share() = default;
    Share(std::shared_ptr<FileAccount> account, std::uint64_t bytes) : account_(std::move(account)), bytes_(bytes) {}
    Share(Share&& other) noexcept { swap(other); }
    Share& operator=(Share&& other) noexcept {
      swap(other);
      return *this;
    }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share();
    explicit operator bool() const { return account_ != nullptr; }

   private:
    void swap(Share& other) noexcept {
      std::swap(account_, other.account_);
      std::swap(bytes_, other.bytes_);
    }
    std::shared_ptr<FileAccount> account_;
    std::uint64_t bytes_ = 0;
  };

  FileAccount(FileBudget& budget, FileBudget::Payer payer, std::string identity)
      : budget_(budget), payer_(payer), identity_(std::move(identity)) {}

  /// Charges `bytes` that are read and stored. False, and the file is counted as refused: it would exceed a limit.
  [[nodiscard]] Share take(std::uint64_t bytes);
  /// The same for bytes that are read and not stored.
  [[nodiscard]] bool spend(std::uint64_t bytes);
  /// The requested size is larger than any valid size of its kind: counts the file as refused.
  void refuse() { budget_.refuse(identity_); }
  [[nodiscard]] const FileBudget::Payer& payer() const { return payer_; }

 private:
  void give_back(std::uint64_t bytes);

  FileBudget& budget_;
  FileBudget::Payer payer_;
  std::string identity_;
  std::mutex mutex_;
  std::uint64_t held_ = 0;
};

/// The user who is charged for the files of a process: its real user. For an ended process it is root.
[[nodiscard]] FileBudget::Payer payer_of(pid_t pid);

}  // namespace aiotrace::proc
