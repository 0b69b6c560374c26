// Await chains among the coroutines of one census.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "python/await_chain.h"
#include "python/census.h"

namespace aiotrace::python {

inline constexpr std::size_t kMaxHeapChain = 256;

/// Uses the coroutine as the census saw it. A census does not search for generators: a generator is read when an await
/// leads to it.
class CensusChains final : public CoroutineSource {
 public:
  /// Both must outlive this object.
  CensusChains(AsyncioReader& reader, const Census& census) : reader_(reader), census_(census) {}

  [[nodiscard]] std::optional<Coroutine> at(std::uint64_t address) override;
  /// Null if it is no such object.
  [[nodiscard]] const HeapCoroutine* find(std::uint64_t address);
  /// The links from `first` to the innermost one, at most kMaxHeapChain.
  [[nodiscard]] AwaitChain chain(std::uint64_t first) { return read_await_chain(reader_, *this, first, kMaxHeapChain); }
  /// Of all links together.
  [[nodiscard]] std::uint64_t bytes_of(const AwaitChain& chain);

 private:
  AsyncioReader& reader_;
  const Census& census_;
  std::unordered_map<std::uint64_t, HeapCoroutine> generators_;
};

}  // namespace aiotrace::python
