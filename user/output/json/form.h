// JSON from the field lists of model/field_lists.h: an object has each field under its own name, by the rule of its
// type, unless the type has a form of its own.
//
// Rules: text is null where empty, an optional value is null without one (an optional text that is empty stays empty),
// an enumeration is its name (null for one without), a list is an array, a variant is its present alternative.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "model/field_lists.h"
#include "output/context.h"
#include "output/json/values.h"

namespace aiotrace::output {

/// Specialised for a type whose JSON differs from its fields: `list`, a tuple of the entries below, in the order of the
/// keys. A field of the type without an entry does not compile.
template <class T>
struct JsonForm;

template <class T>
concept HasForm = requires { JsonForm<T>::list; };

template <class T>
[[nodiscard]] Json json_of(const T& value, const OutputContext& context = {});

namespace form {

/// `value` computes the shown value from the field; `ByRule`: the rule of its type.
struct ByRule {};

template <class Value, class T, class... Members>
struct Entry {
  std::string_view name;
  Value value;
  std::tuple<Members T::*...> members;
};

template <class T, class Member>
constexpr Entry<ByRule, T, Member> shown(std::string_view name, Member T::* member) {
  return {name, {}, {member}};
}
/// `value(member)` returns Json, or std::optional<Json>; without a value the key is left out.
template <class T, class Member, class Value>
constexpr auto shown(std::string_view name, Member T::* member, Value value) {
  auto of_object = [member, value](const T& object, const OutputContext& /*context*/) { return value(object.*member); };
  return Entry<decltype(of_object), T, Member>{name, of_object, {member}};
}
/// `value(object, context)`, computed from these fields.
template <class T, class Value, class... Members>
constexpr Entry<Value, T, Members...> made(std::string_view name, Value value, Members T::*... members) {
  return {name, value, {members...}};
}

/// The keys of this field's object become keys of this object.
template <class T, class Member>
struct Inlined {
  std::tuple<Member T::*> members;
};
template <class T, class Member>
constexpr Inlined<T, Member> inlined(Member T::* member) {
  return {{member}};
}

template <class T, class... Members>
struct LeftOut {
  std::tuple<Members T::*...> members;
};
template <class T, class... Members>
constexpr LeftOut<T, Members...> left_out(Members T::*... members) {
  return {{members...}};
}

/// The same value in every object.
template <class Value>
struct Constant {
  std::string_view name;
  Value value;
  std::tuple<> members{};
};
template <class Value>
constexpr Constant<Value> constant(std::string_view name, Value value) {
  return {name, value};
}

// Values for shown().
inline constexpr auto kNonzero = [](const auto& number) { return nonzero_or_null(number); };
inline constexpr auto kNonempty = [](const auto& list) { return list.empty() ? Json(nullptr) : json_of(list); };

// Values for made().
template <class T>
constexpr auto utc(std::uint64_t T::* time_ns) {
  return made<T>(
      "time", [time_ns](const T& object, const OutputContext& context) { return utc_time(object.*time_ns, context); },
      time_ns);
}

template <class A, class B>
constexpr bool is_same_member(A a, B b) {
  if constexpr (std::same_as<A, B>)
    return a == b;
  else
    return false;
}

template <class Member, class Entry>
constexpr bool covers(const Entry& entry, Member member) {
  return std::apply([member](const auto&... each) { return (is_same_member(each, member) || ...); }, entry.members);
}

template <class T, class Member>
constexpr bool covered(Member member) {
  return std::apply([member](const auto&... entries) { return (covers(entries, member) || ...); }, JsonForm<T>::list);
}

template <class T>
constexpr bool complete() {
  return std::apply([](const auto&... fields) { return (covered<T>(fields.member) && ...); }, model::Fields<T>::list);
}

template <class T, class Value, class... Members>
void add(Json& object, const T& value, const Entry<Value, T, Members...>& entry, const OutputContext& context) {
  const std::string key(entry.name);
  if constexpr (std::same_as<Value, ByRule>) {
    object[key] = json_of(value.*std::get<0>(entry.members), context);
  } else if constexpr (std::same_as<std::invoke_result_t<Value, const T&, const OutputContext&>, std::optional<Json>>) {
    if (auto made = entry.value(value, context)) object[key] = *std::move(made);
  } else {
    object[key] = entry.value(value, context);
  }
}
template <class T, class Member>
void add(Json& object, const T& value, const Inlined<T, Member>& entry, const OutputContext& context) {
  object.update(json_of(value.*std::get<0>(entry.members), context));
}
template <class T, class... Members>
void add(Json& /*object*/, const T& /*value*/, const LeftOut<T, Members...>& /*entry*/,
         const OutputContext& /*context*/) {}
template <class T, class Value>
void add(Json& object, const T& /*value*/, const Constant<Value>& entry, const OutputContext& /*context*/) {
  object[std::string(entry.name)] = entry.value;
}

}  // namespace form

template <class T>
Json json_of(const T& value, const OutputContext& context) {
  if constexpr (HasForm<T>) {
    static_assert(form::complete<T>(), "a field of this type is missing in its JsonForm");
    auto object = Json::object();
    std::apply([&](const auto&... entries) { (form::add(object, value, entries, context), ...); }, JsonForm<T>::list);
    return object;
  } else if constexpr (model::HasFields<T>) {
    auto object = Json::object();
    model::for_each_field<T>(
        [&](const auto& field) { object[std::string(field.name)] = json_of(value.*field.member, context); });
    return object;
  } else if constexpr (std::same_as<T, std::optional<std::string>>) {
    return value_or_null(value);
  } else if constexpr (model::kIsOptional<T> || model::kIsSharedPtr<T>) {
    return value ? json_of(*value, context) : Json(nullptr);
  } else if constexpr (model::kIsVector<T>) {
    auto array = Json::array();
    for (const auto& each : value) array.push_back(json_of(each, context));
    return array;
  } else if constexpr (model::kIsVariant<T>) {
    return std::visit([&context](const auto& one) { return json_of(one, context); }, value);
  } else if constexpr (std::is_enum_v<T>) {
    return text_or_null(name(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    return value;
  } else {
    return text_or_null(value);
  }
}

/// A row on one line.
template <class T>
[[nodiscard]] std::string row_of(const T& value, const OutputContext& context = {}) {
  return line_of(json_of(value, context));
}

}  // namespace aiotrace::output
