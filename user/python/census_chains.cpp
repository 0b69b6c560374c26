#include "python/census_chains.h"

namespace aiotrace::python {

const HeapCoroutine* CensusChains::find(std::uint64_t address) {
  if (const auto found = census_.coroutines.find(address); found != census_.coroutines.end()) return &found->second;
  if (const auto found = generators_.find(address); found != generators_.end()) return &found->second;
  const auto read = reader_.heap_coroutine(address);
  return read ? &generators_.emplace(address, *read).first->second : nullptr;
}

std::optional<Coroutine> CensusChains::at(std::uint64_t address) {
  const HeapCoroutine* found = find(address);
  return found != nullptr ? std::optional<Coroutine>(*found) : std::nullopt;
}

std::uint64_t CensusChains::bytes_of(const AwaitChain& chain) {
  std::uint64_t bytes = 0;
  for (const Coroutine& link : chain.links) {
    if (const HeapCoroutine* found = find(link.object)) bytes += found->bytes;
  }
  return bytes;
}

}  // namespace aiotrace::python
