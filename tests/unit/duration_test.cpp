#include "util/duration.h"

#include "tests/catch.h"

using aiotrace::ErrorKind;
using aiotrace::format_duration_ns;
using aiotrace::format_ms_ns;
using aiotrace::parse_duration;

TEST_CASE("durations are shown with three digits and a unit", "[util]") {
  CHECK(format_duration_ns(0) == "0 ns");
  CHECK(format_duration_ns(870) == "870 ns");
  CHECK(format_duration_ns(1'000) == "1.00 µs");
  CHECK(format_duration_ns(9'994) == "9.99 µs");
  CHECK(format_duration_ns(9'996) == "10.0 µs");
  CHECK(format_duration_ns(999'600) == "1.00 ms");
  CHECK(format_duration_ns(4'250'000) == "4.25 ms");
  CHECK(format_duration_ns(50'100'000) == "50.1 ms");
  CHECK(format_duration_ns(99'960'000) == "100 ms");
  CHECK(format_duration_ns(213'456'789) == "213 ms");
  CHECK(format_duration_ns(999'499'999) == "999 ms");
  CHECK(format_duration_ns(999'500'000) == "1.00 s");
  CHECK(format_duration_ns(59'940'000'000) == "59.9 s");
  CHECK(format_duration_ns(59'960'000'000) == "1m 00s");
  CHECK(format_duration_ns(125'000'000'000) == "2m 05s");
  CHECK(format_duration_ns(3'599'600'000'000) == "1h 00m");
  CHECK(format_duration_ns(3'720'000'000'000) == "1h 02m");
  CHECK(format_duration_ns(~0ULL) == "5124095h 35m");
}

TEST_CASE("durations side by side are shown in milliseconds", "[util]") {
  CHECK(format_ms_ns(0) == "0.0 ms");
  CHECK(format_ms_ns(49'999) == "0.0 ms");
  CHECK(format_ms_ns(50'000) == "0.1 ms");
  CHECK(format_ms_ns(212'649'999) == "212.6 ms");
  CHECK(format_ms_ns(999'949'999) == "999.9 ms");
  CHECK(format_ms_ns(999'950'000) == "1.00 s");
  CHECK(format_ms_ns(12'345'000'000) == "12.35 s");
  CHECK(format_ms_ns(75'000'000'000) == "1m 15s");
}

TEST_CASE("durations are read with their unit", "[util]") {
  CHECK(parse_duration("30s").value() == 30'000'000'000);
  CHECK(parse_duration("50ms").value() == 50'000'000);
  CHECK(parse_duration("1m").value() == 60'000'000'000);
  CHECK(parse_duration("2h").value() == 7'200'000'000'000);
  CHECK(parse_duration("0.5s").value() == 500'000'000);
  CHECK(parse_duration("1.000000001s").value() == 1'000'000'001);
  CHECK(parse_duration("0.1000000009s").value() == 100'000'000);
  CHECK(parse_duration("7us").value() == 7'000);
  CHECK(parse_duration("7µs").value() == 7'000);
  CHECK(parse_duration("9ns").value() == 9);
  CHECK(parse_duration("0s").value() == 0);
  CHECK(parse_duration("1200000h").value() == 4'320'000'000'000'000'000);
}

TEST_CASE("nonsense for a duration is a usage error that says what is allowed", "[util]") {
  for (const auto* text : {"",         "30",
                           "-1s",      "+1s",
                           "s",        ".5s",
                           "1.s",      "1e3s",
                           "1 s",      " 1s",
                           "1s ",      "1.2.3s",
                           "inf",      "nan",
                           "1d",       "0x10s",
                           "ms",       "1S",
                           "1m30s",    "9999999999999999999999s",
                           "1300000h", "4611686018427387904ns"}) {
    INFO(text);
    const auto result = parse_duration(text);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().kind == ErrorKind::usage);
    CHECK_FALSE(result.error().reason.empty());
  }
  CHECK(parse_duration("30").error().message() == "duration '30': add a unit, e.g. 1s, 500ms");
  CHECK(parse_duration("1\x1b[2Js").error().what == "duration '1\\x1b[2Js'");
}
