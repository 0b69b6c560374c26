#include <chrono>
#include <string>

#include "symbolize/demangle.h"
#include "symbolize/library_name.h"
#include "tests/catch.h"

using aiotrace::symbolize::library_name;
using aiotrace::symbolize::module_name;
using aiotrace::symbolize::plain_name;

TEST_CASE("symbolize: names of extension modules", "[symbolize]") {
  CHECK(module_name("_bisect.cpython-311-x86_64-linux-gnu.so") == "_bisect");
  CHECK(module_name("_rust.abi3.so") == "_rust");
  CHECK(module_name("speedups.so") == "speedups");
  CHECK(module_name("libz.so.1.2.13").empty());
  CHECK(module_name("libssl.so").empty());
  CHECK(module_name("nginx").empty());
  CHECK(module_name(".so").empty());
}

TEST_CASE("symbolize: names of mappings that are no library", "[symbolize]") {
  aiotrace::proc::Mapping mapping;
  CHECK(library_name(mapping, nullptr) == "[anonymous]");
  mapping.path = "[vdso]";
  CHECK(library_name(mapping, nullptr) == "[vdso]");
  mapping.path = "/usr/sbin/nginx";
  CHECK(library_name(mapping, nullptr) == "nginx");
  mapping.path = "/usr/lib/libz.so.1.2.13";
  CHECK(library_name(mapping, nullptr) == "libz.so.1.2.13");
  mapping.path = "/opt/\xff.bin";
  CHECK(library_name(mapping, nullptr) == "\xef\xbf\xbd.bin");
}

TEST_CASE("symbolize: plain names", "[symbolize]") {
  CHECK(plain_name("deflate") == "deflate");
  CHECK(plain_name("memcpy@@GLIBC_2.14") == "memcpy");
  CHECK(plain_name("deflate_fast.part.0") == "deflate_fast.part.0");
  CHECK(plain_name("_ZN4node9inspector5Agent5StartERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE")
            .starts_with("node::inspector::Agent::Start(std::"));
  CHECK(plain_name("_ZN4core3fmt5write17h0123456789abcdefE") == "core::fmt::write");
  CHECK(plain_name("_Znonsense") == "_Znonsense");
  CHECK(plain_name("i") == "i");  // a type for the demangler
  CHECK(plain_name("a\xff") == "a\xef\xbf\xbd");
  CHECK(plain_name(std::string(5000, 'x')).size() == 1024);
}

TEST_CASE("symbolize: a name that doubles itself without end is not written out", "[symbolize]") {
  // f(p<p<…>>): each level names the one before it twice; written out it has 2^60 parts.
  std::string name = "_Z1f1pIiiE";
  std::string last = "S_";
  const auto id = [](unsigned n) {
    const char* digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return n == 0    ? std::string("S_")
           : n <= 36 ? std::string("S") + digits[n - 1] + "_"
                     : std::string("S1") + digits[n - 37] + "_";
  };
  for (unsigned level = 1; level < 60; ++level) name += id(0) + "I" + id(level) + id(level) + "E";
  const auto start = std::chrono::steady_clock::now();
  const auto plain = plain_name(name);
  CHECK(plain.size() <= 1024);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
}
