#include "util/log.h"

#include <string>
#include <thread>
#include <vector>

#include "tests/catch.h"

using namespace aiotrace;

TEST_CASE("messages go to who has the terminal, as they are, from any thread", "[util]") {
  std::vector<std::string> taken;
  {
    const MessageTaker taker([&](const std::string& message) { taken.push_back(message); });
    say("one");
    std::thread([] { say("t\x1bwo"); }).join();
  }
  CHECK(taken == std::vector<std::string>{"one", "t\x1bwo"});
}
