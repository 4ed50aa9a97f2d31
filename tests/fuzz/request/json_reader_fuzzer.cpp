// The ways to read a document agree, and an accepted one survives being printed.
#include "fuzz/request/fuzz_input.h"
#include "request/json_canonical.h"
#include "request/json_reader.h"
#include "request/usage_scanner.h"

#include <string>

namespace epp::request {
namespace {

// Reads every value one by one; the error, if any.
std::string walk(std::string_view document) {
  JsonReader json(document);
  std::string open;
  std::string_view key;
  Arena arena;
  do {
    if (!open.empty() && !(open.back() == '{' ? json.next_member(key) : json.next_element())) {
      if (json.failed()) break;
      open.pop_back();
      continue;
    }
    JsonKind kind{};
    if (!json.peek(kind)) break;
    switch (kind) {
      case JsonKind::kNull:
        json.null();
        break;
      case JsonKind::kBool:
        json.boolean();
        break;
      case JsonKind::kNumber:
        json.number();
        break;
      case JsonKind::kString:
        if (const JsonString string = json.string(); !json.failed()) {
          require(is_valid_utf8(decode_string(string, arena)));
        }
        break;
      case JsonKind::kArray:
        open += json.enter_array() ? "[" : "";
        break;
      case JsonKind::kObject:
        open += json.enter_object() ? "{" : "";
        break;
    }
  } while (!open.empty() && !json.failed());
  json.finish();
  return json.error();
}

void check(std::string_view document, std::uint8_t seed) {
  JsonReader json(document);
  json.skip();
  const bool accepted = json.finish();
  require(accepted == json.error().empty());
  require(walk(document) == json.error());

  UsageScanner scanner;
  for (std::string_view chunk : chunks_of(document, seed))
    scanner.feed(chunk);
  // A value that is kept may be too long; then both answers are right.
  if (document.size() <= UsageScanner::kMaxValue) require(scanner.complete() == accepted);

  if (!accepted || !json.out_of_range_number().empty()) return;
  std::string printed;
  append_canonical(printed, document);
  JsonReader again(printed);
  require(again.skip() && again.finish());
  std::string twice;
  append_canonical(twice, printed);
  require(twice == printed);
  std::string compact;
  append_compact(compact, document);
  std::string from_compact;
  append_canonical(from_compact, compact);
  require(from_compact == printed);
}

}  // namespace
}  // namespace epp::request

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  epp::request::FuzzInput input(data, size);
  const std::uint8_t seed = input.byte();
  epp::request::check(input.rest(), seed);
  return 0;
}
