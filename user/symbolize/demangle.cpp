#include "symbolize/demangle.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "util/text.h"

namespace aiotrace::symbolize {
namespace {

constexpr std::size_t kMaxName = 1024;
// A name grows most if each substitution has three references to the previous one: its size triples for every three
// references. 3^(32/3) is about 120,000 times a piece of the name, some megabytes for a moment.
constexpr std::size_t kMaxReferences = 32;

/// References to earlier parts of the name (Itanium C++ ABI 5.1.10: S_, S0_, T_; pack expansions Dp, sp). Letters of
/// identifiers are counted too, which can only overestimate.
std::size_t references(std::string_view mangled) {
  std::size_t count = 0;
  for (std::size_t i = 0; i + 1 < mangled.size(); ++i) {
    const char next = mangled[i + 1];
    if (mangled[i] == 'S' || mangled[i] == 'T') {
      if (next == '_' || (next >= '0' && next <= '9') || (next >= 'A' && next <= 'Z')) ++count;
    } else if (next == 'p' && (mangled[i] == 'D' || mangled[i] == 's')) {
      ++count;
    }
  }
  return count;
}

std::string cut(std::string name) {
  if (name.size() <= kMaxName) return name;
  std::size_t end = kMaxName - 3;  // of the "…"
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  return name.substr(0, end) + "…";
}

/// "core::fmt::write::h0123456789abcdef" without the hash.
void drop_rust_hash(std::string& name) {
  constexpr std::size_t kHash = 19;  // "::h" and 16 digits
  if (name.size() <= kHash || name.compare(name.size() - kHash, 3, "::h") != 0) return;
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (std::all_of(name.end() - (kHash - 3), name.end(), is_hex)) name.resize(name.size() - kHash);
}

}  // namespace

std::string plain_name(std::string_view symbol) {
  if (const auto version = symbol.find('@'); version != std::string_view::npos && version > 0) {
    symbol = symbol.substr(0, version);
  }
  if (symbol.starts_with("_Z") && symbol.size() <= kMaxName && references(symbol) <= kMaxReferences) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> plain(
        abi::__cxa_demangle(std::string(symbol).c_str(), nullptr, nullptr, &status), &std::free);
    if (status == 0 && plain) {
      std::string name = valid_utf8(plain.get());
      drop_rust_hash(name);
      return cut(std::move(name));
    }
  }
  // One byte may become the three bytes of U+FFFD.
  return cut(valid_utf8(symbol.substr(0, kMaxName + 1)));
}

}  // namespace aiotrace::symbolize
