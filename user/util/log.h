// What the program says beside its results.
#pragma once

#include <functional>
#include <string>

namespace aiotrace {

/// One line on standard error, cleaned: "aiotrace: …". From any thread.
void say(const std::string& message);

/// While it lives, say() hands its messages (as they are) to `take` and writes nothing: for who has the whole terminal.
/// `take` is called by one thread at a time, and must not call say(). One at a time.
class MessageTaker {
 public:
  explicit MessageTaker(std::function<void(const std::string&)> take);
  MessageTaker(const MessageTaker&) = delete;
  MessageTaker& operator=(const MessageTaker&) = delete;
  ~MessageTaker();
};

}  // namespace aiotrace
