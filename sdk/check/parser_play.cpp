#include "check/parser_play.h"

#include "check/known_points.h"
#include "check/odd_values.h"

#include <epp/host/request.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace epp::check {

namespace {

constexpr Function kClaims{EPP_EXT_PARSER " claims"};
constexpr Function kParse{EPP_EXT_PARSER " parse"};
constexpr Function kPrompt{EPP_EXT_PARSER " prompt"};
constexpr Function kUsage{EPP_EXT_PARSER " usage"};

constexpr std::array<std::string_view, 10> kBodies = {
    R"({"model":"llama-3-8b","prompt":"Tell me","max_tokens":16,"stream":true,"cache_salt":"s"})",
    R"({"model":"llama-3-8b","prompt":["one","two \"quoted\" \u00e9"],"stream":false})",
    R"({"model":"llama-3-8b","prompt":[1,2,3],"cache_salt":""})",
    R"({"model":"llama-3-8b","prompt":[[1,2],[3,4]]})",
    R"({"model":"llama-3-8b","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[
        {"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}}]}],
        "max_completion_tokens":64})",
    R"({"model":"llama-3-8b","input":"embed this","instructions":"none","max_output_tokens":9})",
    R"({"input_ids":[5,6,7],"sampling_params":{"max_new_tokens":3}})",
    R"({"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,
        "prompt_tokens_details":{"cached_tokens":2}}})",
    R"({"usage":{"prompt_tokens":-1,"completion_tokens":99999999999999999999,"total_tokens":null}})",
    "--boundary\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--boundary--\r\n",
};
constexpr size_t kDepth = 100'000;
constexpr size_t kMegabyte = size_t{1} << 20;

template <typename Take>
void collect_part(void* context, const epp_found_part* part) {
  (*static_cast<Take*>(context))(*part);
}

}  // namespace

ParserPlay::ParserPlay(Stage& stage, plugins::InstancePtr instance, uint64_t seed)
    : instance_(std::move(instance)),
      table_(table_of<epp_parser>(*instance_, EPP_EXT_PARSER)),
      random_(seed),
      meter_(stage.channel(), stage.type(), stage.options().budget_ms) {
  meter_.scene(0, "bodies");
  if (any()) ask_claims();
}

void ParserPlay::play(uint32_t bodies, bool megabyte) {
  if (!any()) return;
  meter_.scene(0, megabyte ? "bodies of 1 MB" : "bodies");
  for (uint32_t i = 0; i < bodies; ++i) {
    std::string text = make_body();
    if (megabyte) text.insert(text.size() / 2, std::string(kMegabyte, 'x'));
    take_body(text);
    const std::string& claimed = paths_[random_.below(paths_.size())];
    const epp_str path{claimed.data(), claimed.size()};
    if (parse(path) && EPP_HAS(table_, epp_parser, prompt) && table_->prompt != nullptr) prompt(path);
    if (EPP_HAS(table_, epp_parser, usage) && table_->usage != nullptr) usage(path);
  }
}

void ParserPlay::ask_claims() {
  epp_str_list paths{};
  epp_str_list protocols{};
  if (!meter_.call(kClaims, [&] { table_->claims(instance_->raw(), &paths, &protocols); })) paths = protocols = {};
  for (uint64_t i = 0; i < paths.count; ++i) {
    paths_.emplace_back(paths.items[i].data, paths.items[i].size);
    if (paths_.back().starts_with('/')) meter_.fail("calls.range", kClaims, "claims a path that begins with a slash");
  }
  // Nobody promises that it is asked for its own only.
  paths_.insert(paths_.end(), {"", "v1/no-such-path"});
}

// ---- bodies ----

std::string ParserPlay::make_body() {
  std::string text(kBodies[random_.below(kBodies.size())]);
  switch (random_.below(8)) {
    case 0:
      text.resize(random_.below(text.size() + 1));
      break;
    case 1:
      for (uint64_t i = random_.below(4) + 1; i != 0; --i)
        text[random_.below(text.size())] = static_cast<char>(random_.below(256));
      break;
    case 2:
      text.insert(random_.below(text.size()), odd_text(Values::kExtreme, random_));
      break;
    case 3:
      text = odd_text(Values::kExtreme, random_);
      break;
    case 4:
      text.insert(random_.below(text.size()), 1, '\0');
      break;
    case 5:
      if (random_.one_in(8)) text = R"({"prompt":)" + std::string(kDepth, '[');
      break;
    default:
      break;
  }
  return text;
}

void ParserPlay::take_body(std::string_view text) {
  original_ = text;
  bytes_.reset(new uint8_t[text.size()]);
  if (!text.empty()) std::memcpy(bytes_.get(), text.data(), text.size());
  body_ = {bytes_.get(), text.size()};
}

// ---- answers ----

void ParserPlay::require_intact(Function function) {
  if (std::equal(original_.begin(), original_.end(), bytes_.get(),
                 [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; })) {
    return;
  }
  meter_.fail("calls.bounds", function, "wrote into the body");
  take_body(std::string(original_));
}

bool ParserPlay::require_span(Function function, std::string_view what, epp_span span, uint32_t encoding) {
  if (span.offset == EPP_SPAN_ABSENT) return true;
  if (span.offset > body_.size || span.size > body_.size - span.offset) {
    meter_.fail("calls.index", function,
                "found the " + std::string(what) + " at " + std::to_string(span.offset) + ", " +
                    std::to_string(span.size) + " bytes long, in a body of " + std::to_string(body_.size));
    return false;
  }
  if (encoding != EPP_SPAN_JSON_STRING) return true;
  const uint64_t end = span.offset + span.size;
  if (span.offset == 0 || end == body_.size || body_.data[span.offset - 1] != '"' || body_.data[end] != '"') {
    meter_.fail("calls.index", function,
                "calls the " + std::string(what) + " the inside of a JSON string, and there are no quotes around it");
    return false;
  }
  return true;
}

bool ParserPlay::parse(epp_str path) {
  epp_found_request found{};
  found.size = sizeof found;
  found.model = found.cache_salt = {EPP_SPAN_ABSENT, 0};
  found.max_output_tokens = -1;
  epp_status status = EPP_OK;
  const bool returned = meter_.call(
      kParse, [&] { status = table_->parse(instance_->raw(), path, body_, &found, meter_.error().next()); });
  require_intact(kParse);
  if (!returned || !meter_.judge_status(kParse, status, true)) return false;
  if (found.max_output_tokens < -1) {
    meter_.fail("calls.range", kParse, "found a limit of " + std::to_string(found.max_output_tokens) + " tokens");
  }
  if (found.encoding > EPP_SPAN_JSON_STRING) {
    meter_.fail("calls.range", kParse, "found texts of encoding " + std::to_string(found.encoding));
    return false;
  }
  return require_span(kParse, "model", found.model, found.encoding) &&
         require_span(kParse, "cache_salt", found.cache_salt, found.encoding);
}

void ParserPlay::prompt(epp_str path) {
  uint64_t parts = 0;
  bool good = true;  // one complaint is enough
  auto take = [&](const epp_found_part& part) {
    ++parts;
    if (!good) return;
    good = require_span(kPrompt, "prompt", part.data, part.encoding);
    if (!good) return;
    good = part.kind != 0 && part.encoding <= EPP_SPAN_JSON_NUMBERS && part.prompt < parts;
    if (!good) meter_.fail("calls.range", kPrompt, "gave a part whose kind, encoding or prompt there is not");
  };
  epp_status status = EPP_OK;
  const bool returned = meter_.call(kPrompt, [&] {
    status = table_->prompt(instance_->raw(), path, body_, collect_part<decltype(take)>, &take, meter_.error().next());
  });
  require_intact(kPrompt);
  if (returned) meter_.judge_status(kPrompt, status, true);
}

void ParserPlay::usage(epp_str path) {
  epp_usage counts{};
  counts.size = sizeof counts;
  uint32_t found = 0;
  epp_status status = EPP_OK;
  const bool returned = meter_.call(
      kUsage, [&] { status = table_->usage(instance_->raw(), path, body_, &counts, &found, meter_.error().next()); });
  require_intact(kUsage);
  if (!returned || !meter_.judge_status(kUsage, status, true)) return;
  if (found > 1) meter_.fail("calls.range", kUsage, "found " + std::to_string(found) + ", which is neither 0 nor 1");
}

}  // namespace epp::check
