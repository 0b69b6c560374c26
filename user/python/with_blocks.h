// The context managers that a frame is inside of: `with` and `async with` blocks keep them on its stack.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// Until a block is left its frame keeps the manager's __exit__ or __aexit__ on its stack. A block counts from the end
/// of __enter__ to the beginning of __exit__: during the wait in __aenter__ the lock is not held yet, during the wait
/// in __aexit__ it is not held any more. For one look at a process.
class WithBlocks {
 public:
  /// `reader` must outlive this object.
  explicit WithBlocks(AsyncioReader& reader) : reader_(reader) {}

  /// The managers, outermost first, at most kMaxBlocks. Only the code, frame and lasti of `frame` are used; it may be
  /// the frame of any Python function, running or suspended. Each object is checked to be a method of that name.
  /// Nothing if the function's exception table cannot be read, or is larger than any table that a compiler makes.
  [[nodiscard]] std::optional<std::vector<std::uint64_t>> managers(const Coroutine& frame);

  static constexpr std::size_t kMaxBlocks = 64;

  /// The object of a bound method __exit__ or __aexit__; 0: it is no such method.
  [[nodiscard]] std::uint64_t self_of_exit(std::uint64_t method);

 private:
  using Slots = std::vector<std::uint32_t>;
  using Table = std::optional<std::vector<std::uint8_t>>;  // nothing: not known

  /// Slots of the frame's stack directly below the values of each handler, outermost first.
  [[nodiscard]] std::optional<Slots> depths(const Coroutine& frame);
  [[nodiscard]] static Slots depths_in(const std::vector<std::uint8_t>& table, std::uint32_t lasti);
  [[nodiscard]] const Table& table_of(std::uint64_t code);
  [[nodiscard]] Slots block_levels(std::uint64_t frame) const;
  [[nodiscard]] std::uint64_t stack_slot(std::uint64_t at) const;
  [[nodiscard]] std::uint64_t manager_below(std::uint64_t stack, std::uint32_t depth);
  [[nodiscard]] bool exits(std::uint64_t function);
  [[nodiscard]] std::uint64_t field(std::uint64_t object, unsigned index) const;

  AsyncioReader& reader_;
  std::unordered_map<std::uint64_t, Table> tables_;                 // by code
  std::unordered_map<std::uint64_t, std::optional<Slots>> depths_;  // by code and instruction
  std::size_t table_bytes_ = 0;                                     // number of entries of all tables
};

}  // namespace aiotrace::python
