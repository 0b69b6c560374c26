// The objects to which an object refers.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "python/asyncio_reader.h"

namespace aiotrace::python {

/// The kind of an object, as far as it matters for references.
enum class ReferentForm : std::uint8_t {
  leaf,        ///< its references do not matter: a number, a str, a weak reference
  future,      ///< a future or task of asyncio
  container,   ///< list, tuple, dict, set, deque and classes derived from them
  callable,    ///< function, bound method, partial, cell
  coroutine,   ///< coroutine, generator or asynchronous generator
  connection,  ///< an object that a loop calls: a protocol, a transport, a handle
  instance,    ///< any other
  module,
  type,
};

struct Referents {
  ReferentForm form = ReferentForm::leaf;
  /// Each reference as often as the object has it: together they are what the object adds to reference counts. For a
  /// function only its closure, for a class its attributes, for a coroutine the variables and the stack of its frame.
  std::vector<std::uint64_t> objects;
};

/// For one look at a process. An object must be reached from a live object.
class ReferentReader {
 public:
  /// `reader` must outlive this object.
  explicit ReferentReader(AsyncioReader& reader);

  [[nodiscard]] Referents read(std::uint64_t object);
  /// The object without its referents.
  [[nodiscard]] ReferentForm form_of(std::uint64_t object);
  /// The same for a future or task, whose references read() does not follow.
  [[nodiscard]] std::vector<std::uint64_t> of_future(std::uint64_t future);
  /// Words of a frame: `count` variables and stack entries of those from `first` on. Without `borrowed` only those that
  /// are part of the reference count.
  [[nodiscard]] std::vector<std::uint64_t> slots(std::uint64_t first, std::uint64_t count, bool borrowed) const;
  /// The number of references to an object.
  [[nodiscard]] std::uint64_t count_of(std::uint64_t object) const;

 private:
  enum class Layer : std::uint8_t { none, list, tuple, dict, set, deque };
  struct Class {
    ReferentForm form = ReferentForm::leaf;
    Layer layer = Layer::none;
    std::int64_t first = 0;  // where its fields begin; 0: behind the header
    std::int64_t size = 0;   // where its fields end
    bool managed = false;    // has attributes in addition to its fields
  };
  [[nodiscard]] const Class& class_of(std::uint64_t object);
  [[nodiscard]] Class classify(std::uint64_t type) const;
  [[nodiscard]] bool derived(std::uint64_t type, std::uint64_t base) const;
  [[nodiscard]] bool is_object(std::uint64_t word);
  [[nodiscard]] std::uint64_t class_in(const char* module, const char* name) const;
  [[nodiscard]] std::uint64_t flags_of(std::uint64_t type) const;
  void add_items(Layer layer, std::uint64_t object, std::vector<std::uint64_t>& into) const;
  void add_fields(std::uint64_t object, const Class& its, std::vector<std::uint64_t>& into);
  void add_attributes(std::uint64_t object, std::vector<std::uint64_t>& into) const;
  void add_frame(std::uint64_t object, std::vector<std::uint64_t>& into);

  AsyncioReader& reader_;
  const Objects& objects_;
  const proc::Memory& memory_;
  const Layout& layout_;
  std::uint64_t protocol_;
  std::uint64_t transport_;
  std::uint64_t handle_;
  std::unordered_map<std::uint64_t, Class> classes_;  // by type
  std::unordered_map<std::uint64_t, bool> is_type_;   // by the address of what may be a type
};

}  // namespace aiotrace::python
