// Lists of the fields of a type: recordings, comparisons and tests are made from one list for each type.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace aiotrace::model {

/// `kApart`: recordings store it in a record of its own, or not at all.
template <class Struct, class Member, bool kIsApart = false>
struct Field {
  static constexpr bool kApart = kIsApart;
  std::string_view name;
  Member Struct::* member;
  std::uint32_t since = 0;  ///< the format of recordings that has it first
};

/// Whether a field is in this format of recordings, or in an older one.
struct Since {
  std::uint32_t format;
};
struct Apart {};

template <class Struct, class Member>
constexpr Field<Struct, Member> field(std::string_view name, Member Struct::* member) {
  return {name, member};
}
template <class Struct, class Member>
constexpr Field<Struct, Member> field(std::string_view name, Member Struct::* member, Since since) {
  return {name, member, since.format};
}
template <class Struct, class Member>
constexpr Field<Struct, Member, true> field(std::string_view name, Member Struct::* member, Apart /*apart*/) {
  return {name, member};
}

/// Specialised for each type of the model: `list`, a tuple of its fields in the order of recordings.
template <class T>
struct Fields;

template <class T>
concept HasFields = requires { Fields<T>::list; };

namespace fields_detail {

struct Anything {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor): it stands for a value of any type
};

template <class T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...> /*count*/) {
  return requires { T{(static_cast<void>(I), Anything{})...}; };
}

// The number of fields of the aggregate: it can be initialized with this many values, and not with more.
template <class T, std::size_t Most = 40>
constexpr std::size_t count() {
  if constexpr (Most == 0 || takes<T>(std::make_index_sequence<Most>{}))
    return Most;
  else
    return count<T, Most - 1>();
}

template <class T>
constexpr bool names_differ() {
  const auto names = std::apply([](const auto&... each) { return std::array{each.name...}; }, Fields<T>::list);
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (names[i] == names[k]) return false;
  return true;
}

}  // namespace fields_detail

/// The list contains each field of the type once.
template <HasFields T>
inline constexpr bool kFieldsComplete = std::tuple_size_v<std::remove_const_t<decltype(Fields<T>::list)>> ==
                                            fields_detail::count<T>() &&
                                        fields_detail::names_differ<T>();

/// Calls `visit` with each field of the list.
template <HasFields T, class Visit>
constexpr void for_each_field(Visit&& visit) {
  static_assert(kFieldsComplete<T>, "a field of this type is missing in its list in model/field_lists.h");
  std::apply([&visit](const auto&... each) { (visit(each), ...); }, Fields<T>::list);
}

template <class T>
inline constexpr bool kIsSharedPtr = false;
template <class T>
inline constexpr bool kIsSharedPtr<std::shared_ptr<T>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsVariant = false;
template <class... T>
inline constexpr bool kIsVariant<std::variant<T...>> = true;

/// Equal field by field; compares the targets of pointers, not the pointers, and floating point by its bits.
template <class T>
[[nodiscard]] bool same(const T& a, const T& b) {
  if constexpr (HasFields<T>) {
    bool equal = true;
    for_each_field<T>([&](const auto& each) { equal = equal && same(a.*(each.member), b.*(each.member)); });
    return equal;
  } else if constexpr (kIsSharedPtr<T> || kIsOptional<T>) {
    return static_cast<bool>(a) == static_cast<bool>(b) && (!a || same(*a, *b));
  } else if constexpr (kIsVector<T>) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!same(a[i], b[i])) return false;
    return true;
  } else if constexpr (kIsVariant<T>) {
    return a.index() == b.index() &&
           std::visit([&b](const auto& one) { return same(one, std::get<std::remove_cvref_t<decltype(one)>>(b)); }, a);
  } else if constexpr (std::is_floating_point_v<T>) {
    return std::bit_cast<std::array<std::byte, sizeof(T)>>(a) == std::bit_cast<std::array<std::byte, sizeof(T)>>(b);
  } else {
    return a == b;
  }
}

}  // namespace aiotrace::model
