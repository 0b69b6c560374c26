#include "tests/fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace aiotrace::fuzz {
namespace {

std::vector<Target>& list() {
  static std::vector<Target> all;
  return all;
}

}  // namespace

const std::vector<Target>& targets() { return list(); }

Registration::Registration(const Target& target) {
  list().push_back(target);
  std::ranges::sort(list(), {}, &Target::name);
}

void require(bool kept, std::string_view promise) {
  if (kept) return;
  std::fprintf(stderr, "fuzz: broken promise: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

std::uint64_t Input::number(std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width && !bytes_.empty(); ++i) {
    value |= static_cast<std::uint64_t>(bytes_.front()) << (8 * i);
    bytes_ = bytes_.subspan(1);
  }
  return value;
}

Bytes Input::take(std::size_t size) {
  const auto taken = bytes_.first(std::min(size, bytes_.size()));
  bytes_ = bytes_.subspan(taken.size());
  return taken;
}

}  // namespace aiotrace::fuzz
