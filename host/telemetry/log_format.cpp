#include "telemetry/log_format.h"

#include "telemetry/json_text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace epp::telemetry::detail {
namespace {

// JSON text on one line: its line breaks, and the indentation after them, stand between tokens, never inside a string.
void append_json_line(std::string& out, std::string_view json) {
  for (std::size_t start = 0; start < json.size();) {
    const std::size_t end = std::min(json.find_first_of("\r\n", start), json.size());
    out += json.substr(start, end - start);
    start = std::min(json.find_first_not_of(" \t\r\n", end), json.size());
  }
}

template <class Integer>
void append_integer(std::string& out, Integer value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_value(std::string& out, const LogField& field) {
  switch (field.kind) {
    case LogField::Kind::kString:
      append_json_string(out, field.text);
      return;
    case LogField::Kind::kInt:
      append_integer(out, field.integer);
      return;
    case LogField::Kind::kUint:
      append_integer(out, field.natural);
      return;
    case LogField::Kind::kDouble:
      append_json_number(out, field.real);
      return;
    case LogField::Kind::kBool:
      out += field.integer != 0 ? "true" : "false";
      return;
    case LogField::Kind::kJson:
      append_json_line(out, field.text);
      return;
  }
}

bool is_bare_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\'; });
}

void append_word(std::string& out, std::string_view text) {
  if (is_bare_word(text)) {
    out += text;
  } else {
    append_json_string(out, text);
  }
}

std::int64_t microseconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

void append_epoch_seconds(std::string& out, std::chrono::system_clock::time_point time) {
  const auto micros = microseconds(time);
  append_integer(out, micros / 1'000'000);
  char fraction[] = ".000000";
  auto rest = micros % 1'000'000;
  for (int i = 6; i > 0; --i, rest /= 10)
    fraction[i] = static_cast<char>('0' + rest % 10);
  out += fraction;
}

void append_utc(std::string& out, std::chrono::system_clock::time_point time) {
  const auto micros = microseconds(time);
  const auto seconds = static_cast<std::time_t>(micros / 1'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char buffer[40];
  const std::size_t length = std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(buffer + length, sizeof buffer - length, ".%06dZ", static_cast<int>(micros % 1'000'000));
  out += buffer;
}

void append_json(std::string& out, const LogEvent& event, std::initializer_list<LogField> fields) {
  out.append("{\"level\":\"").append(level_text(event.verbosity, event.is_error)).append("\",\"ts\":");
  append_epoch_seconds(out, event.time);
  if (!event.logger.empty()) {
    out += ",\"logger\":";
    append_json_string(out, event.logger);
  }
  out += ",\"caller\":";
  append_json_string(out, event.file);
  out.back() = ':';
  append_integer(out, event.line);
  out += '"';
  out += ",\"msg\":";
  append_json_string(out, event.message);
  out += event.bound;
  append_fields(out, fields, LogFormat::kJson);
  if (event.is_error) {
    out += ",\"error\":";
    append_json_string(out, event.error);
  }
  out += "}\n";
}

void append_text(std::string& out, const LogEvent& event, std::initializer_list<LogField> fields) {
  append_utc(out, event.time);
  out += ' ';
  for (const char c : level_text(event.verbosity, event.is_error)) {
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  if (!event.logger.empty()) {
    out += ' ';
    append_word(out, event.logger);
  }
  out.append(" ").append(event.file) += ':';
  append_integer(out, event.line);
  out += ' ';
  append_json_string(out, event.message);
  out += event.bound;
  append_fields(out, fields, LogFormat::kText);
  if (event.is_error) {
    out += " error=";
    append_word(out, event.error);
  }
  out += '\n';
}

}  // namespace

std::string_view level_text(int verbosity, bool is_error) {
  if (is_error) return "error";
  if (verbosity >= kTrace) return "trace";
  return verbosity == kDebug ? "debug" : "info";
}

void append_fields(std::string& out, std::initializer_list<LogField> fields, LogFormat format) {
  for (const auto& field : fields) {
    if (format == LogFormat::kJson) {
      out += ',';
      append_json_string(out, field.key);
      out += ':';
      append_value(out, field);
    } else {
      out += ' ';
      append_word(out, field.key);
      out += '=';
      if (field.kind == LogField::Kind::kString) {
        append_word(out, field.text);
      } else {
        append_value(out, field);
      }
    }
  }
}

void append_line(std::string& out, const LogEvent& event, std::initializer_list<LogField> fields, LogFormat format) {
  if (format == LogFormat::kJson) {
    append_json(out, event, fields);
  } else {
    append_text(out, event, fields);
  }
}

}  // namespace epp::telemetry::detail
