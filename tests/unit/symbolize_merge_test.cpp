#include <string>
#include <vector>

#include "symbolize/merge.h"
#include "tests/catch.h"

using namespace aiotrace::symbolize;

namespace {

constexpr const char* kEval = "_PyEval_EvalFrameDefault";

/// "n0 p0 p1 n2": the kinds and indexes, innermost first.
std::string merged(const std::vector<std::string>& functions, std::vector<PythonMark> python, Sharing sharing,
                   bool native_complete = true, bool python_complete = true) {
  NativeStack native;
  native.complete = native_complete;
  for (const auto& function : functions) {
    native.frames.push_back({.address = 0, .symbol = {.library = "x", .function = function, .offset = 0}});
  }
  std::string text;
  for (const auto& frame : merge(native, python, sharing, python_complete)) {
    if (!text.empty()) text += ' ';
    text += frame.kind == MergedFrame::Kind::native ? 'n' : 'p';
    text += std::to_string(frame.index);
  }
  return text;
}

std::vector<PythonMark> frames(const std::string& marks) {  // "e": an entry, ".": none
  std::vector<PythonMark> python;
  for (const char mark : marks) python.push_back({.entry = mark == 'e'});
  return python;
}

}  // namespace

TEST_CASE("merge: which function evaluates", "[symbolize]") {
  CHECK(is_evaluation("_PyEval_EvalFrameDefault"));
  CHECK(is_evaluation("_PyEval_EvalFrameDefault.cold"));
  CHECK(is_evaluation("_PyEval_EvalFrameDefault.constprop.0"));
  CHECK(!is_evaluation("_PyEval_EvalFrame"));
  CHECK(!is_evaluation("_PyEval_Vector"));
  CHECK(!is_evaluation("_PyEval_EvalFrameDefaultX"));
  CHECK(!is_evaluation(""));
}

TEST_CASE("merge: one activation for each Python frame", "[symbolize]") {
  CHECK(merged({"deflate", "zlib_compress", kEval, "_PyEval_Vector", kEval, "main"}, frames(".."), Sharing::one_each) ==
        "n0 n1 p0 n3 p1 n5");
  // An activation that has just begun, or of a frame that has just ended.
  CHECK(merged({"deflate", kEval, "call", kEval, "main"}, frames("."), Sharing::one_each) == "n0 n1 n2 p0 n4");
  // More Python frames than activations, as when one has no name.
  CHECK(merged({"deflate", "??", "call", kEval, "main"}, frames(".."), Sharing::one_each) == "n0 n1 n2 p0 p1 n4");
}

TEST_CASE("merge: several Python frames in one activation", "[symbolize]") {
  const std::vector<std::string> native = {"compare", kEval, "list_sort", kEval, "main"};
  CHECK(merged(native, frames("e..e"), Sharing::entries) == "n0 p0 n2 p1 p2 p3 n4");
  CHECK(merged(native, frames("..ee"), Sharing::entries) == "n0 p0 p1 p2 n2 p3 n4");
  CHECK(merged(native, frames("...e"), Sharing::entries) == "n0 n1 n2 p0 p1 p2 p3 n4");
  CHECK(merged(native, frames("e.e.e"), Sharing::entries) == "n0 p0 p1 p2 n2 p3 p4 n4");
  CHECK(merged(native, frames("...."), Sharing::unknown) == "n0 p0 n2 p1 p2 p3 n4");
  CHECK(merged(native, frames("."), Sharing::unknown) == "n0 n1 n2 p0 n4");
}

TEST_CASE("merge: stacks that were cut at the outer end go together from the inside", "[symbolize]") {
  const std::vector<std::string> native = {"compare", kEval, "list_sort", kEval};
  CHECK(merged(native, frames("e.e.e"), Sharing::entries, false) == "n0 p0 n2 p1 p2 p3 p4");
  CHECK(merged(native, frames("eee"), Sharing::entries, false) == "n0 p0 n2 p1 p2");
  CHECK(merged({"f", kEval, "g", kEval, "main"}, frames("e"), Sharing::entries, true, false) == "n0 p0 n2 n3 n4");
}

TEST_CASE("merge: without activations, without frames", "[symbolize]") {
  CHECK(merged({"f", "g"}, frames("e."), Sharing::entries) == "n0 n1 p0 p1");
  CHECK(merged({"f", "g"}, frames(".."), Sharing::unknown) == "n0 n1 p0 p1");
  CHECK(merged({"f", kEval}, {}, Sharing::unknown) == "n0 n1");
  CHECK(merged({}, frames(".e"), Sharing::entries) == "p0 p1");
  CHECK(merged({}, {}, Sharing::one_each).empty());
}

TEST_CASE("merge: a tail-calling interpreter's instructions belong to the activation", "[symbolize]") {
  CHECK(merged({"f", "_TAIL_CALL_CALL", kEval, "_TAIL_CALL_SEND", "g", "_TAIL_CALL_CALL", kEval, "main"}, frames("ee"),
               Sharing::entries) == "n0 p0 n3 n4 p1 n7");
}
