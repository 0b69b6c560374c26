// Converts all contents of a recording to bytes and back, by the lists of fields.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "model/cause.h"
#include "model/field_lists.h"
#include "model/fields.h"
#include "model/names.h"
#include "recording/format.h"
#include "recording/old_culprit.h"
#include "recording/wire.h"

namespace aiotrace::recording {

template <class T>
concept Listed = model::HasFields<std::remove_const_t<T>>;
template <class T>
concept Enumeration = std::is_enum_v<std::remove_const_t<T>>;

template <class Wire, Enumeration T>
void transfer(Wire& wire, T& value) {
  using E = std::remove_const_t<T>;
  if constexpr (std::is_same_v<E, model::Cause>)
    transfer_enum(wire, value, static_cast<E>(model::kCauses - 1));
  else
    transfer_enum(wire, value, static_cast<E>(model::kValues<E> - 1));
}

template <class T>
concept Variant = model::kIsVariant<std::remove_const_t<T>>;

// The index of the alternative, and its value.
template <Variant T>
void transfer(Encoder& to, const T& value) {
  to.number(value.index());
  std::visit([&to](const auto& held) { transfer(to, held); }, value);
}
template <std::size_t I = 0, Variant T>
void transfer_held(Decoder& from, T& value, std::size_t index) {
  if constexpr (I < std::variant_size_v<T>) {
    if (index == I) return transfer(from, value.template emplace<I>());
    transfer_held<I + 1>(from, value, index);
  }
}
template <Variant T>
void transfer(Decoder& from, T& value) {
  transfer_held(from, value, from.number(std::variant_size_v<T> - 1));
}

inline void transfer(Decoder& from, OldCulprit& old);

// For a struct with a cause beside its culprit; the cause comes first.
template <class Struct, class Member>
void read_old_culprit(Decoder& from, const Struct& beside, Member& culprit) {
  std::optional<OldCulprit> old;
  transfer(from, old);
  if (!old || !from.ok()) return;
  auto read = culprit_of(beside.cause, std::move(*old));
  if (!read) return;
  if constexpr (model::kIsOptional<Member>)
    culprit = std::move(read);
  else
    culprit = std::make_shared<const model::Culprit>(*std::move(read));
}

// Up to format 2 it was one number with start_known: 0, 1, and 2 for both.
inline void read_old_start(Decoder& from, model::Stall& stall) {
  const auto start = from.number(2);
  stall.at_least = start != 0;
  stall.start_known = start == 2;
}

template <class Struct, class Member>
void transfer_field(Encoder& to, const Struct& value, const model::Field<Struct, Member>& field) {
  transfer(to, value.*(field.member));
}
template <class Struct, class Member>
void transfer_field(Decoder& from, Struct& value, const model::Field<Struct, Member>& field) {
  if (from.format() < field.since) return;
  if constexpr (std::is_same_v<Struct, model::Stall> && std::is_same_v<Member, bool>) {
    if (from.format() < 3 && field.member == &model::Stall::at_least) return read_old_start(from, value);
  }
  if constexpr (std::is_same_v<Member, std::optional<model::Culprit>> ||
                std::is_same_v<Member, std::shared_ptr<const model::Culprit>>) {
    if (from.format() < 3) return read_old_culprit(from, value, value.*(field.member));
  }
  transfer(from, value.*(field.member));
}

template <class Wire, Listed T>
void transfer(Wire& wire, T& value) {
  model::for_each_field<std::remove_const_t<T>>([&wire, &value]<class Field>(const Field& field) {
    if constexpr (!Field::kApart) transfer_field(wire, value, field);
  });
  if constexpr (std::is_same_v<T, model::StoredStack>) {
    if (std::ranges::find(value.frames, nullptr) != value.frames.end()) wire.refuse();
  }
}

inline void transfer(Decoder& from, OldCulprit& old) {
  const auto all = [&from](auto&... fields) { (transfer(from, fields), ...); };
  all(old.library, old.function, old.tid, old.thread, old.stack, old.path, old.op, old.protocol, old.local, old.peer,
      old.dns, old.pid, old.comm, old.address, old.running, old.cgroup, old.quota_us, old.period_us);
}

}  // namespace aiotrace::recording
