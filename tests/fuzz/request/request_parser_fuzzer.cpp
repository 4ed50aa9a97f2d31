// No body harms a parser, and an accepted one can be listed as a prompt and given another model.
#include "fuzz/request/fuzz_input.h"
#include "request/json_reader.h"
#include "request/model_name.h"
#include "request/parser.h"

#include <array>
#include <string>
#include <variant>

namespace epp::request {
namespace {

constexpr std::array<std::string_view, 11> kPaths = {"/v1/completions",
                                                     "/v1/chat/completions",
                                                     "/v1/responses",
                                                     "/v1/conversations",
                                                     "/v1/embeddings",
                                                     "/v1/images/generations",
                                                     "/v1/messages",
                                                     "/v1/messages/count_tokens",
                                                     "/inference/v1/generate",
                                                     "/v1/chat/completions/render",
                                                     "/v1/audio/transcriptions"};

bool inside(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check(std::string_view path, std::string_view body) {
  static const ParserRegistry registry = [] {
    ParserRegistry::Parsers parsers;
    for (std::string_view type : default_parser_types())
      parsers.push_back(make_parser(type));
    return ParserRegistry(parsers);
  }();
  const auto parser = registry.resolve(path);
  ParseResult result = parser->parse(path, body);
  if (const auto* error = std::get_if<Error>(&result)) {
    require(!error->message.empty() && error->code == ErrorCode::kBadRequest);
    return;
  }
  ParsedRequest& request = std::get<ParsedRequest>(result);
  const PromptParts& prompt = request.prompt_parts();
  require(prompt.error.empty() || prompt.parts.empty());
  std::size_t bytes = 0;
  for (const PromptPart& part : prompt.parts) {
    require(part.prompt < prompt.prompts);
    for (char c : part.data)
      bytes += static_cast<unsigned char>(c);
    for (char c : part.aux)
      bytes += static_cast<unsigned char>(c);
  }
  require(bytes < SIZE_MAX);
  if (!request.model_rewritable) return;

  JsonReader json(body);
  require(json.skip() && json.finish());
  for (const ByteRange& range : request.model_values)
    require(inside(body.substr(range.offset, range.length), body));
  std::string spliced;
  for (std::string_view slice : splice_model(request, "other \"model\""))
    spliced += slice;
  const ParseResult again = parser->parse(path, spliced);
  const auto* parsed = std::get_if<ParsedRequest>(&again);
  require(parsed != nullptr && parsed->model == "other \"model\"" && parsed->stream == request.stream);

  // Printed anew, integers may have been rounded out of their type's range; what is accepted must say the same.
  const std::string printed = reserialise_with_model(body, "other \"model\"");
  const ParseResult from_printed = parser->parse(path, printed);
  if (const auto* anew = std::get_if<ParsedRequest>(&from_printed)) {
    require(anew->model == "other \"model\"" && anew->stream == request.stream);
  }
}

}  // namespace
}  // namespace epp::request

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  epp::request::FuzzInput input(data, size);
  const std::string_view path = epp::request::kPaths[input.byte() % epp::request::kPaths.size()];
  epp::request::check(path, input.rest());
  return 0;
}
