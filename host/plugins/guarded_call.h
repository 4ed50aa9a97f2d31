// Calls into plugins with a net under them: the watchdog sees them, and an exception that leaves the library ends here.
// Internal to the room.
//
// Nothing may be thrown across the ABI, and what a C caller does with an exception is undefined. In practice it unwinds
// through the call into our frames; catching it there costs nothing until it happens.
#pragma once

#include "plugins/call_board.h"
#include "plugins/instance.h"

#include <epp/abi.h>

#include <exception>
#include <string>
#include <string_view>

#include <cxxabi.h>

namespace epp::plugins {

// What the exception being handled says. [in a catch block]
std::string exception_text();

// Counts the exception being handled as a fault of the instance; its text goes to `error`, if there is one.
void count_exception(const Instance& instance, ExtensionPoint point, ErrorBuffer* error);

// False when an exception came instead of an answer, which is then counted.
template <typename Function>
bool guarded(const Instance& instance, ExtensionPoint point, ErrorBuffer* error, Function&& call) {
  const CallMark mark(instance, point);
  try {
    call();
    return true;
  } catch (abi::__forced_unwind&) {
    throw;  // the thread is being ended; swallowing that would end the process
  } catch (...) {
    count_exception(instance, point, error);
    return false;
  }
}

// The same for a call without an answer to judge: that it came back is a good one.
template <typename Function>
bool notify(const Instance& instance, ExtensionPoint point, ErrorBuffer* error, Function&& call) {
  if (!guarded(instance, point, error, call)) return false;
  instance.accept_answer(point);
  return true;
}

// True when the instance is out of service, which is counted.
inline bool passed_over(const Instance& instance, ExtensionPoint point) {
  if (instance.in_service()) [[likely]]
    return false;
  instance.pass_over(point);
  return true;
}

// Drops what the instance had kept for a request.
void drop_state(const Instance& instance, void (*drop)(void*), void* state);

// The same net where there is no instance yet, or none any more. An empty text: all went well.
template <typename Function>
std::string exception_of(Function&& call) {
  try {
    call();
    return {};
  } catch (abi::__forced_unwind&) {
    throw;
  } catch (...) {
    return exception_text();
  }
}

}  // namespace epp::plugins
