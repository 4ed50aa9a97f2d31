#include "plugins/guarded_call.h"

namespace epp::plugins {

std::string exception_text() {
  try {
    throw;
  } catch (const std::exception& e) {
    return std::string("an exception left the library: ") + e.what();
  } catch (...) {
    return "an exception left the library";
  }
}

void count_exception(const Instance& instance, ExtensionPoint point, ErrorBuffer* error) {
  const std::string text = exception_text();
  if (error != nullptr) error->set_message(text);
  instance.refuse_answer(point, Fault::kException, text);
}

void drop_state(const Instance& instance, void (*drop)(void*), void* state) {
  notify(instance, ExtensionPoint::kStateDrop, nullptr, [&] { drop(state); });
}

}  // namespace epp::plugins
