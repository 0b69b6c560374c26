#include "util/sudo_command.h"

#include <string>
#include <vector>

#include "tests/catch.h"

namespace aiotrace {

TEST_CASE("the command with sudo names the program so that sudo finds it", "[sudo]") {
  const std::vector<std::string> arguments = {"-p", "12"};
  CHECK(sudo_command("/usr/local/bin/aiotrace", arguments) == "sudo aiotrace -p 12");
  CHECK(sudo_command("/usr/bin/aiotrace", {}) == "sudo aiotrace");
  CHECK(sudo_command("/home/ann/venv/bin/aiotrace", arguments) == "sudo /home/ann/venv/bin/aiotrace -p 12");
  CHECK(sudo_command("/opt/aiotrace", arguments) == "sudo /opt/aiotrace -p 12");
}

TEST_CASE("the command with sudo can be typed as it is", "[sudo]") {
  const std::vector<std::string> arguments = {"--", "python3", "-c", "print('a b'); $HOME", "", "*"};
  CHECK(sudo_command("/home/ann b/aiotrace", arguments) ==
        R"(sudo '/home/ann b/aiotrace' -- python3 -c 'print('\''a b'\''); $HOME' '' '*')");
}

TEST_CASE("without arguments it is this process's own command", "[sudo]") {
  const auto command = sudo_command();
  CHECK(command.starts_with("sudo "));
  CHECK(command.find("/unit") != std::string::npos);
}

}  // namespace aiotrace
