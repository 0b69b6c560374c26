#include "proc/page_cache.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "util/clock.h"

namespace aiotrace::proc {

void PageCache::forget() const {
  pages_.clear();
  used_ = 0;
  recent_.fill(Recent{});
}

void PageCache::refresh() const {
  constexpr std::size_t kMostAtOnce = 512;   // 2 MiB
  constexpr unsigned kRefreshesInARow = 16;  // unused pages are dropped then
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, page] : pages_)
    if (page.error == 0) numbers.push_back(number);
  forget();
  if (numbers.size() > kMostAtOnce || numbers.empty() || refreshes_++ % kRefreshesInARow == kRefreshesInARow - 1)
    return;
  std::ranges::sort(numbers);
  std::vector<Piece> pieces;
  pieces.reserve(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i)
    pieces.push_back({.address = numbers[i] * kPage, .into = *storage_[i]});
  const auto read = memory_.read_at_once(pieces);
  pages_read_ += read;
  for (std::size_t i = 0; i < read; ++i)
    pages_.emplace(numbers[i], Page{.error = 0, .slot = static_cast<std::uint32_t>(i)});
  used_ = read;
}

void PageCache::end_at(std::uint64_t time_ns) {
  end_ns_ = time_ns;
  reads_ = 0;
  late_ = false;
}

bool PageCache::over() const {
  constexpr std::uint64_t kReadsPerLook = 64;  // reading the clock costs more than reading a cached page
  if (end_ns_ == ~std::uint64_t{0}) return false;
  if (!late_ && reads_++ % kReadsPerLook == 0) late_ = monotonic_ns() >= end_ns_;
  return late_;
}

const PageCache::Bytes* PageCache::page(std::uint64_t number, int& error) const {
  Recent& recent = recent_[number % recent_.size()];
  if (recent.number == number) return recent.bytes;
  const auto known = pages_.find(number);
  if (known != pages_.end()) {
    error = known->second.error;
    if (error != 0) return nullptr;
    recent = {.number = number, .bytes = storage_[known->second.slot].get()};
    return recent.bytes;
  }
  if (pages_.size() >= kMaxPages) forget();
  if (used_ == storage_.size()) storage_.push_back(std::make_unique_for_overwrite<Bytes>());
  Bytes& bytes = *storage_[used_];
  pages_read_++;
  error = memory_.try_read(number * kPage, bytes);
  pages_.emplace(number, Page{.error = error, .slot = static_cast<std::uint32_t>(used_)});
  if (error != 0) return nullptr;
  used_++;
  recent = {.number = number, .bytes = &bytes};
  return &bytes;
}

int PageCache::try_read(std::uint64_t address, std::span<std::byte> into) const {
  if (address + into.size() < address) return EFAULT;
  if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) return ECANCELED;
  if (over()) return ETIME;
  // A large block belongs to one object: nobody else will read its pages.
  if (into.size() > 4 * kPage) return memory_.try_read(address, into);
  while (!into.empty()) {
    const std::uint64_t within = address % kPage;
    const std::size_t part = std::min<std::size_t>(into.size(), kPage - within);
    int error = 0;
    const Bytes* bytes = page(address / kPage, error);
    if (bytes == nullptr) return error;
    std::memcpy(into.data(), bytes->data() + within, part);
    address += part;
    into = into.subspan(part);
  }
  return 0;
}

}  // namespace aiotrace::proc
