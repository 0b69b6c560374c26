#include "probe/handles.h"

#include <algorithm>
#include <cstddef>
#include <system_error>
#include <thread>

namespace aiotrace::probe {

void close_together(std::vector<Link> links) {
  constexpr std::size_t kMostThreads = 16;
  const auto count = std::min(links.size(), kMostThreads);
  const auto close_every = [&links, count](std::size_t first) {
    for (std::size_t i = first; i < links.size(); i += count) links[i].reset();
  };
  std::vector<std::jthread> threads;
  threads.reserve(count);
  for (bool more = true; more && threads.size() + 1 < count;) {
    try {
      threads.emplace_back(close_every, threads.size() + 1);
    } catch (const std::system_error&) {
      more = false;  // links that no thread closes are closed with `links`
    }
  }
  if (count != 0) close_every(0);
}

}  // namespace aiotrace::probe
