// Dicts, integers and instance attributes of a process, read from outside.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proc/memory.h"
#include "python/layout.h"

namespace aiotrace::python {

/// Reads objects of one interpreter. The program runs during the read, so a walk may see an inconsistent state. Walks
/// are bounded, and return nothing instead of a wrong value if they can detect it.
class Objects {
 public:
  /// A larger dict is not walked to its end.
  static constexpr std::uint64_t kMaxEntries = 1u << 20;

  /// Both must outlive this object.
  Objects(const proc::Memory& memory, const Layout& layout) : memory_(memory), layout_(layout) {}

  struct Entry {
    std::uint64_t key = 0;  ///< object
    std::uint64_t value = 0;
  };
  /// Entries that are in use, in insertion order; nothing if it cannot be a dict.
  [[nodiscard]] std::optional<std::vector<Entry>> entries(std::uint64_t dict, std::uint64_t most = kMaxEntries) const;
  /// The value of a str key; keys of other types never match.
  [[nodiscard]] std::optional<std::uint64_t> find(std::uint64_t dict, std::string_view key,
                                                  std::uint64_t most = kMaxEntries) const;

  /// Attributes that are stored in the instance itself, without properties, slots and class attributes. Values may be
  /// 0.
  [[nodiscard]] std::optional<std::vector<Entry>> attributes(std::uint64_t object) const;
  /// One of them.
  [[nodiscard]] std::optional<std::uint64_t> attribute(std::uint64_t object, std::string_view name) const;
  /// The dict of a module object.
  [[nodiscard]] std::optional<std::uint64_t> module_dict(std::uint64_t module) const;

  /// Whether anything refers to it: a freed object has a reference count of 0 until its memory is reused.
  [[nodiscard]] bool referenced(std::uint64_t object) const;
  /// Whether the collector tracks it. It tracks every complete object whose type supports it, and no freed object. Only
  /// for such types: other objects have no header that shows it.
  [[nodiscard]] bool tracked(std::uint64_t object) const;

  [[nodiscard]] std::optional<std::uint64_t> type_of(std::uint64_t object) const;
  /// tp_name: with the module for a static type, without it for a class created by a class statement.
  [[nodiscard]] std::optional<std::string> type_name(std::uint64_t type) const;
  [[nodiscard]] std::optional<std::int64_t> basicsize(std::uint64_t type) const;
  /// An int from 0 to 2^63 - 1; nothing for other objects.
  [[nodiscard]] std::optional<std::uint64_t> unsigned_int(std::uint64_t object) const;
  [[nodiscard]] std::optional<std::string> text(std::uint64_t object, std::size_t max_characters = 4096) const;

  [[nodiscard]] const proc::Memory& memory() const { return memory_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }

 private:
  struct Keys {
    std::uint64_t entries = 0;  ///< address of the first
    std::uint64_t count = 0;
    unsigned stride = 0;      ///< bytes an entry
    unsigned key_offset = 0;  ///< the value is behind the key
  };
  [[nodiscard]] std::optional<Keys> keys_of(std::uint64_t keys) const;
  [[nodiscard]] std::optional<std::vector<Entry>> entries_of(const Keys& keys) const;
  [[nodiscard]] std::optional<std::vector<Entry>> split_entries(std::uint64_t keys, std::uint64_t values) const;
  [[nodiscard]] std::optional<std::uint64_t> find_in(const std::vector<Entry>& entries, std::string_view key) const;

  const proc::Memory& memory_;
  const Layout& layout_;
};

}  // namespace aiotrace::python
