#include "proc/file_budget.h"

#include <algorithm>
#include <vector>

#include "proc/process.h"
#include "proc/text_file.h"

namespace aiotrace::proc {
namespace {

constexpr std::size_t kMaxNames = 4096;

template <class Map>
void take_off(Map& held, const typename Map::key_type& key, std::uint64_t bytes) {
  const auto found = held.find(key);
  if (found == held.end()) return;
  if (found->second <= bytes)
    held.erase(found);
  else
    found->second -= bytes;
}

template <class Map>
std::uint64_t held_by(const Map& held, const typename Map::key_type& key) {
  const auto found = held.find(key);
  return found == held.end() ? 0 : found->second;
}

}  // namespace

FileBudget& FileBudget::of_program() {
  static FileBudget budget;
  return budget;
}

bool FileBudget::take(const Payer& payer, std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  const auto fits = [bytes](std::uint64_t held, std::uint64_t limit) {
    return bytes <= limit && held <= limit - bytes;
  };
  if (!fits(total_, limits_.total) || !fits(held_by(of_process_, payer.pid), limits_.process) ||
      !fits(held_by(of_user_, payer.user), limits_.user)) {
    return false;
  }
  total_ += bytes;
  of_process_[payer.pid] += bytes;
  of_user_[payer.user] += bytes;
  return true;
}

void FileBudget::give_back(const Payer& payer, std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  total_ -= std::min(total_, bytes);
  take_off(of_process_, payer.pid, bytes);
  take_off(of_user_, payer.user, bytes);
}

bool FileBudget::spend(const Payer& payer, std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  auto& spent = checked_[payer.user];
  if (bytes > limits_.checked || spent > limits_.checked - bytes) return false;
  spent += bytes;
  return true;
}

std::uint64_t FileBudget::held() const {
  const std::scoped_lock lock(mutex_);
  return total_;
}

void FileBudget::refuse(const std::string& identity) {
  const std::scoped_lock lock(mutex_);
  if (refused_names_.size() >= kMaxNames) refused_names_.clear();
  if (refused_names_.insert(identity).second) ++refused_;
}

std::uint64_t FileBudget::refused() const {
  const std::scoped_lock lock(mutex_);
  return refused_;
}

FileAccount::Share::~Share() {
  if (account_) account_->give_back(bytes_);
}

FileAccount::Share FileAccount::take(std::uint64_t bytes) {
  {
    const std::scoped_lock lock(mutex_);
    const auto limit = budget_.limits().file;
    if (bytes <= limit && held_ <= limit - bytes && budget_.take(payer_, bytes)) {
      held_ += bytes;
      return {shared_from_this(), bytes};
    }
  }
  refuse();
  return {};
}

bool FileAccount::spend(std::uint64_t bytes) {
  if (budget_.spend(payer_, bytes)) return true;
  refuse();
  return false;
}

void FileAccount::give_back(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  held_ -= std::min(held_, bytes);
  budget_.give_back(payer_, bytes);
}

// Not the owner of /proc/PID, because that is root if the process has made itself not dumpable.
FileBudget::Payer payer_of(pid_t pid) {
  if (pid <= 0) return {};
  const auto status = read_text("/proc/" + std::to_string(pid) + "/status", 65536);
  const auto ids = status ? ids_of(*status, "Uid") : std::vector<pid_t>{};
  return {.pid = pid, .user = ids.empty() ? 0 : static_cast<uid_t>(ids.front())};
}

}  // namespace aiotrace::proc
