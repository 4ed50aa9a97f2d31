#include "check/request_maker.h"

#include "check/odd_values.h"
#include "check/watch.h"
#include "plugins/clock.h"

#include <epp/host/request.h>

#include <array>
#include <atomic>
#include <limits>

namespace epp::check {

namespace {

constexpr size_t kMegabyte = size_t{1} << 20;

// Words that do not repeat, so that nobody finds it easy.
const std::string& long_text() {
  static const std::string kText = [] {
    Random random(42);
    std::string text;
    while (text.size() < kMegabyte)
      text += std::to_string(random.bits()) + ' ';
    return text;
  }();
  return kText;
}

epp_str to_abi(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

std::string_view to_string(Shape shape) {
  static constexpr std::array<std::string_view, 6> kNames = {
      "an empty request", "a small request", "token ids", "pictures, sound and film", "1 MB of text", "an odd request"};
  return kNames[static_cast<size_t>(shape)];
}

void MadeRequest::make(Shape shape, uint64_t number, const std::vector<std::string>& words, Random& random) {
  static std::atomic<uint64_t> serial{0};
  context_.reset();
  body_.clear();
  texts_.clear();
  parts_.clear();
  epp_request& abi = *context_.abi();
  abi.serial = ++serial;
  abi.received_ns = plugins::clock().now_ns();
  context_.prompt_source = this;
  const Values kind = shape == Shape::kOdd ? Values::kExtreme : Values::kOrdinary;

  if (shape != Shape::kEmpty) {
    context_.id = "request-" + std::to_string(number % 64);
    context_.path = "/v1/chat/completions";
    context_.incoming_model = context_.target_model = "llama-3-8b";
    context_.fairness_id = "tenant-" + std::to_string(number % 8);
    abi.api = EPP_API_CHAT_COMPLETIONS;
    abi.flags = random.one_in(2) ? EPP_REQUEST_STREAM : 0u;
    abi.priority = static_cast<int32_t>(random.below(5)) - 2;
    if (random.one_in(2)) abi.max_output_tokens = static_cast<int64_t>(random.below(4096));
    headers(kind, words, random);
  }
  switch (shape) {
    case Shape::kEmpty:
      break;
    case Shape::kSmall:
      body_ = R"({"model":"llama-3-8b","messages":[{"role":"user","content":"Tell me about )" +
              std::to_string(number % 64) + R"("}]})";
      part(EPP_PART_TEXT, "Tell me about " + std::to_string(number % 64));
      break;
    case Shape::kTokens:
      tokens(1 + number % 512, random);
      break;
    case Shape::kMedia:
      media(random);
      break;
    case Shape::kLarge:
      body_ = long_text();
      part(EPP_PART_TEXT, long_text());
      break;
    case Shape::kOdd:
      abi.priority = random.one_in(2) ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int32_t>::max();
      abi.max_output_tokens = odd_i64(kind, random);
      abi.api = static_cast<uint32_t>(random.below(20));
      for (std::string* text : {&context_.id, &context_.path, &context_.incoming_model, &context_.target_model,
                                &context_.objective, &context_.fairness_id, &context_.cache_salt}) {
        *text = odd_text(kind, random);
      }
      body_ = odd_text(kind, random);
      for (uint64_t i = random.below(4); i > 0; --i)
        part(static_cast<uint32_t>(random.below(8)), odd_text(kind, random), odd_text(kind, random),
             static_cast<uint32_t>(random.below(3)));
      break;
  }
  context_.body = {reinterpret_cast<const uint8_t*>(body_.data()), body_.size()};
  abi.body_size = body_.size();
  context_.sync();
}

bool MadeRequest::prompt(std::span<const epp_prompt_part>& parts, std::string& error) {
  if (parts_.empty()) {
    error = "the request has no prompt";
    return false;
  }
  parts = parts_;
  return true;
}

void MadeRequest::part(uint32_t kind, std::string_view data, std::string_view aux, uint32_t prompt) {
  if (kind == EPP_PART_TOKEN_IDS) return;  // those are aligned, and come from tokens()
  const std::string& kept = texts_.emplace_back(data);
  const std::string& kept_aux = texts_.emplace_back(aux);
  epp_prompt_part made{};
  made.kind = kind;
  made.prompt = prompt;
  made.data = {reinterpret_cast<const uint8_t*>(kept.data()), kept.size()};
  made.aux = to_abi(kept_aux);
  parts_.push_back(made);
}

void MadeRequest::tokens(size_t count, Random& random) {
  context_.abi()->api = EPP_API_GENERATE;
  ids_.resize(count);
  for (uint32_t& id : ids_)
    id = static_cast<uint32_t>(random.below(128'000));
  epp_prompt_part made{};
  made.kind = EPP_PART_TOKEN_IDS;
  made.data = {reinterpret_cast<const uint8_t*>(ids_.data()), ids_.size() * sizeof(uint32_t)};
  parts_.push_back(made);
}

void MadeRequest::media(Random& random) {
  // The first bytes of a picture of 1 x 1 points, and what is not one.
  static constexpr std::array<const char*, 6> kData = {
      "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
      "https://example.com/picture.jpg",
      "data:image/png;base64,!!!!",
      "",
      "data:,",
      "iVBORw0KGgo="};
  part(EPP_PART_TEXT, "What is this?");
  for (const uint32_t kind : {EPP_PART_IMAGE, EPP_PART_VIDEO, EPP_PART_AUDIO})
    part(kind, kData[random.below(kData.size())], random.one_in(2) ? "wav" : "");
}

void MadeRequest::headers(Values kind, const std::vector<std::string>& words, Random& random) {
  context_.headers.set("content-type", "application/json");
  context_.headers.set("x-session-id", "session-" + std::to_string(random.below(16)));
  const auto value = [&] {
    if (kind != Values::kExtreme && !words.empty() && random.one_in(2)) return words[random.below(words.size())];
    return odd_text(kind, random);
  };
  for (const std::string& name : Watch::get().headers()) {
    if (random.one_in(3)) continue;
    context_.headers.set(name, value());
    if (random.one_in(2)) context_.response_headers.set(name, value());
  }
  for (const auto& [name_space, key] : Watch::get().metadata()) {
    if (random.one_in(3)) continue;
    plugins::MetadataEntry entry;
    entry.name_space = name_space;
    entry.key = key;
    entry.text = value();
    context_.incoming_metadata.push_back(std::move(entry));
  }
}

void MadeRequest::fill(const plugins::Instance& instance, Values values, Random& random) {
  if (values == Values::kMissing) return;
  for (const plugins::AttributeUse& use : instance.uses()) {
    if (use.access == EPP_ACCESS_PRODUCE || use.scope != EPP_SCOPE_REQUEST || random.one_in(8)) continue;
    epp_value value{};
    value.type = use.type;
    std::string text;
    std::vector<std::string> texts;
    std::vector<epp_str> views;
    std::vector<uint32_t> numbers;
    switch (use.type) {
      case EPP_TYPE_F64:
        value.u.f64 = odd_f64(values, random);
        break;
      case EPP_TYPE_I64:
        value.u.i64 = odd_i64(values, random);
        break;
      case EPP_TYPE_STR:
        text = odd_text(values, random);
        value.u.str = to_abi(text);
        break;
      case EPP_TYPE_STR_LIST:
        texts = odd_texts(values, random);
        for (const std::string& one : texts)
          views.push_back(to_abi(one));
        value.u.str_list = {views.data(), views.size()};
        break;
      case EPP_TYPE_BYTES:
        text = odd_text(values, random);
        value.u.bytes = {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
        break;
      default:
        numbers = odd_u32s(values, random);
        value.u.u32_list = {numbers.data(), numbers.size()};
        break;
    }
    context_.set_value(use.id, value);
  }
}

}  // namespace epp::check
