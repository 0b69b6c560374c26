// What the daemon sends: the queue's bounds, pauses, what becomes of a request, addresses, and text of programs in it.
#include <string>
#include <vector>

#include "app/daemon/events.h"
#include "fleet/delivery.h"
#include "fleet/endpoint.h"
#include "fleet/event_queue.h"
#include "fleet/ingest.h"
#include "fleet/otlp.h"
#include "tests/catch.h"
#include "util/text.h"

using namespace aiotrace;
using fleet::Backoff;
using fleet::EncodedEvent;
using fleet::EventQueue;
using fleet::Outcome;
using fleet::parse_endpoint;

namespace {

constexpr std::uint64_t kS = 1'000'000'000;

EncodedEvent event(const std::string& name, std::size_t bytes = 10) {
  return {.resource = "", .record = name + std::string(bytes - name.size(), '.')};
}

std::vector<std::string> names(const std::vector<EncodedEvent>& events) {
  std::vector<std::string> all;
  for (const auto& each : events) all.push_back(each.record.substr(0, each.record.find('.')));
  return all;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("otlp: the oldest events go first where there is no room, and are counted", "[otlp]") {
  EventQueue queue({.events = 3, .bytes = 100});
  for (const auto* name : {"a", "b", "c", "d"}) queue.add(event(name));
  CHECK(queue.dropped() == 1);
  CHECK(queue.events() == 3);
  queue.add(event("large", 95));  // nothing else fits beside it
  CHECK(queue.dropped() == 4);
  CHECK(queue.bytes() == 95);
  queue.add(event("too-large", 101));
  CHECK(queue.events() == 0);
  CHECK(queue.dropped() == 6);
  CHECK(queue.bytes() == 0);
}

TEST_CASE("otlp: what is on its way is not dropped, and waits in front again", "[otlp]") {
  EventQueue queue({.events = 4, .bytes = 1000});
  for (const auto* name : {"a", "b", "c"}) queue.add(event(name));
  CHECK(names(queue.take(20)) == Names{"a", "b"});
  for (const auto* name : {"d", "e"}) queue.add(event(name));
  CHECK(queue.dropped() == 1);  // c: the oldest that waits
  queue.put_back();
  CHECK(names(queue.take(1000)) == Names{"a", "b", "d", "e"});
  queue.add(event("f"));  // all that there is is on its way
  CHECK(queue.dropped() == 2);
  queue.settled();
  CHECK(queue.empty());
  CHECK(queue.bytes() == 0);
  CHECK(queue.take(1000).empty());
  queue.add(event("g", 500));
  CHECK(names(queue.take(10)) == Names{"g"});  // one at least
}

TEST_CASE("otlp: pauses between 1 and 30 s, by chance, and longer where the receiver asks for it", "[otlp]") {
  Backoff least, most;
  for (const std::uint64_t seconds : {2, 4, 8, 16, 30, 30, 30}) {
    CHECK(least.next_ns(0) == seconds * kS / 2);
    CHECK(most.next_ns(1) == seconds * kS);
  }
  most.reset();
  CHECK(most.next_ns(0.5) == 3 * kS / 2);
  CHECK(most.next_ns(0, 7 * kS) == 7 * kS);
  CHECK(most.next_ns(0, 100'000 * kS) == Backoff::kMostAskedNs);
  CHECK(fleet::retry_after_ns("7") == 7 * kS);
  CHECK(fleet::retry_after_ns("18446744073709551615") == Backoff::kMostAskedNs);
  for (const auto* wrong : {"", "-1", "x", "Wed, 21 Oct 2015 07:28:00 GMT", "1.5", "99999999999999999999999"})
    CHECK_FALSE(fleet::retry_after_ns(wrong));
}

TEST_CASE("otlp: what is sent again is what the specification says", "[otlp]") {
  for (const int status : {0, 429, 502, 503, 504}) CHECK(fleet::outcome_of(status) == Outcome::later);
  for (const int status : {200, 202, 204}) CHECK(fleet::outcome_of(status) == Outcome::delivered);
  for (const int status : {100, 301, 400, 401, 404, 413, 500, 501, 505})
    CHECK(fleet::outcome_of(status) == Outcome::refused);
}

TEST_CASE("otlp: endpoints", "[otlp]") {
  CHECK(parse_endpoint("http://127.0.0.1:4318") == fleet::Endpoint{.host = "127.0.0.1", .port = 4318});
  CHECK(parse_endpoint("http://localhost:80/") == fleet::Endpoint{.host = "127.0.0.1", .port = 80});
  const auto v6 = parse_endpoint("http://[::1]:4318/a/b/");
  CHECK(v6 == fleet::Endpoint{.host = "::1", .port = 4318, .path = "/a/b"});
  CHECK(v6->url() == "http://[::1]:4318/a/b");
  for (const auto* wrong :
       {"", "http://", "https://127.0.0.1:1", "127.0.0.1:4318", "http://127.0.0.1", "http://127.0.0.1:0",
        "http://127.0.0.1:99999", "http://collector:4318", "http://127.0.0.1:80/a b", "http://127.0.0.1:80/?x",
        "http://127.0.0.1:80/a\r\nX: y", "http://user@127.0.0.1:80", "http://[::1:80", "http://::1"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_endpoint(wrong));
  }
  CHECK_FALSE(parse_endpoint(std::string_view("http://[::1\0\n]:80", 17)));
}

TEST_CASE("otlp: answers with a partial success, and ones that are none", "[otlp]") {
  const auto good = fleet::otlp_answer(std::string("\x0a\x06\x08\x03\x12\x02no", 8));
  REQUIRE(good);
  CHECK(good->rejected == 3);
  CHECK(good->message == "no");
  CHECK(fleet::otlp_answer("")->rejected == 0);
  // -1, and fields of another wire type than theirs.
  CHECK(fleet::otlp_answer(std::string("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13))->rejected == 0);
  CHECK(fleet::otlp_answer(std::string("\x08\x05", 2))->rejected == 0);
  CHECK_FALSE(fleet::otlp_answer("<html>502</html>"));
  CHECK_FALSE(fleet::otlp_answer(std::string("\x0a\x7f\x08", 3)));
}

TEST_CASE("otlp: names of a program are cut and made UTF-8", "[otlp]") {
  model::Stall stall;
  stall.thread = "\xff\x80" + std::string(10'000, 'x');
  stall.task = model::Task{.name = std::string(100'000, '\x80'), .coroutine = "c", .file = "f"};
  auto& segment = stall.segments.emplace_back();
  segment.ns = stall.duration_ns = kS;
  segment.stack.emplace();
  for (int i = 0; i < 1000; ++i)
    segment.stack->push_back({.function = std::string(5000, 'f'), .file = std::string(5000, 'p'), .line = 1});
  const auto made = app::stall_event(stall, false, 0);
  const auto encoded = fleet::encode(made, {.name = "s"}, 7, {.host = "h", .version = "1"});
  CHECK(encoded.bytes() < 8000);
  CHECK(valid_utf8(encoded.record).find("\xef\xbf\xbd") != std::string::npos);
  CHECK(encoded.record.find("\xff\x80") == std::string::npos);
}

TEST_CASE("otlp: a leak is news once, and again when it has doubled; a candidate is none", "[otlp]") {
  app::LeakNews news;
  model::Leak leak;
  leak.leak = true;
  leak.count = 5;
  leak.place.coroutine = "work";
  auto candidate = leak;
  candidate.leak = false;
  candidate.place.coroutine = "other";
  CHECK(news.of({leak, candidate}).size() == 1);
  leak.count = 9;
  CHECK(news.of({leak}).empty());
  leak.count = 10;
  CHECK(news.of({leak}).size() == 1);
  leak.place.line = 3;
  CHECK(news.of({leak}).size() == 1);
}

TEST_CASE("otlp: profiles have a budget an hour, and no name breaks the request", "[otlp]") {
  fleet::ProfileBudget budget(2);
  CHECK(budget.take(kS));
  CHECK(budget.take(2 * kS));
  CHECK_FALSE(budget.take(3'600 * kS));
  CHECK(budget.take(3'601 * kS));
  CHECK_FALSE(budget.take(3'601 * kS));
  const proc::Service service{.name = "a b}&x=\r\n\xc3\xa9",
                              .source = proc::ServiceSource::environment,
                              .unit = "u,v=1"};
  CHECK(fleet::ingest_path({.service = service,
                            .host = "h",
                            .id = "1-2",
                            .from_unix_ns = 1'700'000'000'500'000'000,
                            .until_unix_ns = 1'700'000'001'500'000'000}) ==
        "/ingest?name=a_b__x_____%7Bhost_name%3Dh%2Csystemd_unit%3Du_v_1%2Cprofile_id%3D1-2%7D"
        "&from=1700000000&until=1700000002&format=pprof");
}
