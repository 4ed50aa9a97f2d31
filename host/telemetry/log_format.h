// One log event as one line; internal to the room.
#pragma once

#include "telemetry/log.h"

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

namespace epp::telemetry::detail {

struct LogEvent {
  int verbosity = 0;
  bool is_error = false;
  std::chrono::system_clock::time_point time;
  std::string_view logger;
  const char* file = "";
  int line = 0;
  std::string_view message;
  std::string_view error;
  std::string_view bound;  ///< fields already formatted by append_fields
};

/// "info" up to verbosity 3, "debug" at 4, "trace" above, "error" for errors.
std::string_view level_text(int verbosity, bool is_error);

/// `,"key":value` or ` key=value` for each field.
void append_fields(std::string& out, std::initializer_list<LogField> fields, LogFormat format);

/// The whole line with its newline. Allocates only when `out` has to grow.
void append_line(std::string& out, const LogEvent& event, std::initializer_list<LogField> fields, LogFormat format);

}  // namespace epp::telemetry::detail
