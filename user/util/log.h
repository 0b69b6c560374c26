// Messages of the program beside its results.
#pragma once

#include <functional>
#include <string>

namespace aiotrace {

/// One line on standard error, cleaned: "aiotrace: …". From any thread.
void say(const std::string& message);

/// During its lifetime, say() passes its messages (unchanged) to `take` and writes nothing: for code that uses the
/// whole terminal. `take` is called by one thread at a time, and must not call say(). Only one object at a time.
class MessageTaker {
 public:
  explicit MessageTaker(std::function<void(const std::string&)> take);
  MessageTaker(const MessageTaker&) = delete;
  MessageTaker& operator=(const MessageTaker&) = delete;
  ~MessageTaker();
};

}  // namespace aiotrace
