#include "request/prompt_parts.h"

#include "request/json_canonical.h"
#include "request/parsed_request.h"
#include "request/typed_reader.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace epp::request {
namespace {

constexpr std::string_view kBillingHeader = "x-anthropic-billing-header";
constexpr std::string_view kDefaultMediaType = "image/jpeg";

bool is_null(std::string_view raw) {
  return raw.empty() || raw == "null";
}
bool is_string(std::string_view raw) {
  return raw.starts_with('"');
}
bool is_array(std::string_view raw) {
  return raw.starts_with('[');
}

// Calls `f(raw)` for each element of a raw array; nothing for other values.
template <typename F>
void for_each_element(std::string_view raw, F&& f) {
  if (!is_array(raw)) return;
  JsonReader json(raw);
  json.enter_array();
  std::string_view element;
  while (json.next_element() && json.skip(element))
    f(element);
}

// Calls `f(key, raw)` for each member of a raw object; nothing for other values.
template <typename F>
void for_each_member(std::string_view raw, F&& f) {
  if (!raw.starts_with('{')) return;
  JsonReader json(raw);
  json.enter_object();
  std::string_view key;
  std::string_view value;
  while (json.next_member(key) && json.skip(value))
    f(key, value);
}

// Raw values of the named fields of a raw object; empty where absent or null. The last duplicate wins.
template <std::size_t N>
std::array<std::string_view, N> fields_of(std::string_view raw, const std::array<std::string_view, N>& names) {
  std::array<std::string_view, N> values;
  for_each_member(raw, [&](std::string_view key, std::string_view value) {
    if (is_null(value)) return;
    for (std::size_t i = 0; i < N; ++i) {
      if (key_matches(key, names[i])) values[i] = value;
    }
  });
  return values;
}

class PartsBuilder {
 public:
  PartsBuilder(const ParsedRequest& request, Arena& arena, PromptParts reuse)
      : request_(request), arena_(arena), parts_(std::move(reuse)) {
    parts_.parts.clear();
    parts_.features.clear();
    parts_.prompts = 0;
    parts_.error = {};
  }

  PromptParts build();

 private:
  void add(PartKind kind, std::string_view data, std::string_view aux = {}) {
    parts_.parts.push_back({static_cast<std::uint32_t>(kind), prompt_, data, aux});
  }
  void add_text(std::string_view text) {
    if (!text.empty()) add(PartKind::kText, text);
  }
  void add_json(const std::string& json) { add_text(arena_.copy(json)); }
  void add_token_ids(std::string_view raw);
  // The value of a raw string; empty for anything else.
  std::string_view text_of(std::string_view raw) {
    return is_string(raw) ? decode_string(JsonReader(raw).string(), arena_) : std::string_view();
  }

  void completions(std::string_view prompt);
  void embeddings(std::string_view input);
  void chat(const TypedSection& section);
  void chat_part(std::string_view part);
  void messages(const TypedSection& section);
  void message_block(std::string_view block);
  void tool_result(std::string_view content);
  void image_source(std::string_view source, bool as_data_url);
  void anthropic_tools(std::string_view tools);
  void responses(const TypedSection& section);
  void conversations(std::string_view items);
  void generate(const TypedSection& section);

  const ParsedRequest& request_;
  Arena& arena_;
  PromptParts parts_;
  std::uint32_t prompt_ = 0;
};

PromptParts PartsBuilder::build() {
  const TypedSection& section = request_.section;
  parts_.prompts = 1;
  switch (request_.api) {
    case ApiKind::kCompletions:
      completions(section.content);
      break;
    case ApiKind::kChatCompletions:
      chat(section);
      break;
    case ApiKind::kResponses:
      responses(section);
      break;
    case ApiKind::kConversations:
      conversations(section.content);
      break;
    case ApiKind::kEmbeddings:
      embeddings(section.content);
      break;
    case ApiKind::kMessages:
      messages(section);
      break;
    case ApiKind::kGenerate:
      generate(section);
      break;
    case ApiKind::kRaw:
    case ApiKind::kImages:
      parts_.prompts = 0;
      parts_.error = kUnsupportedBody;
      break;
  }
  return std::move(parts_);
}

void PartsBuilder::add_token_ids(std::string_view raw) {
  const auto most = static_cast<std::size_t>(std::count(raw.begin(), raw.end(), ',')) + 1;
  auto* ids = reinterpret_cast<std::uint32_t*>(arena_.allocate(most * sizeof(std::uint32_t)));
  std::size_t count = 0;
  for_each_element(raw, [&](std::string_view literal) { ids[count++] = parse_token_id(literal).value_or(0); });
  add(PartKind::kTokenIds, {reinterpret_cast<const char*>(ids), count * sizeof(std::uint32_t)});
}

// True if a raw text-or-tokens value holds token ids.
bool holds_token_ids(std::string_view raw) {
  if (!is_array(raw)) return false;
  JsonReader json(raw);
  JsonKind kind{};
  json.enter_array();
  return json.next_element() && json.peek(kind) && kind == JsonKind::kNumber;
}

void PartsBuilder::completions(std::string_view prompt) {
  if (holds_token_ids(prompt)) return add_token_ids(prompt);
  if (is_string(prompt)) return add_text(text_of(prompt));
  for_each_element(prompt, [&](std::string_view text) {
    add_text(text_of(text));
    ++prompt_;
  });
  parts_.prompts = prompt_;
}

void PartsBuilder::embeddings(std::string_view input) {
  if (holds_token_ids(input)) return add_token_ids(input);
  std::string json = "{\"Raw\":";
  append_json_string(json, text_of(input), HtmlEscape::kYes);
  json += ",\"Strings\":";
  if (is_array(input)) {
    append_canonical(json, input);
  } else {
    json += "null";
  }
  json += ",\"TokenIDs\":null}";
  add_json(json);
}

void PartsBuilder::chat(const TypedSection& section) {
  bool has_tools = false;
  for_each_element(section.tools, [&](std::string_view) { has_tools = true; });
  if (has_tools) {
    std::string json;
    append_canonical(json, section.tools);
    add_json(json);
  }
  for_each_element(section.content, [&](std::string_view message) {
    const auto [role, content] = fields_of<2>(message, {"role", "content"});
    add_text(text_of(role));
    if (is_string(content)) return add_text(text_of(content));
    for_each_element(content, [&](std::string_view part) { chat_part(part); });
  });
}

void PartsBuilder::chat_part(std::string_view part) {
  const auto [type_raw, text, image, video, audio] =
      fields_of<5>(part, {"type", "text", "image_url", "video_url", "input_audio"});
  const std::string_view type = text_of(type_raw);
  if (type == "text") {
    add_text(text_of(text));
  } else if (type == "image_url") {
    add(PartKind::kImage, text_of(fields_of<1>(image, {"url"})[0]));
  } else if (type == "video_url") {
    add(PartKind::kVideo, text_of(fields_of<1>(video, {"url"})[0]));
  } else if (type == "input_audio" || type == "audio_url") {
    const auto [data, format] = fields_of<2>(audio, {"data", "format"});
    add(PartKind::kAudio, text_of(data), text_of(format));
  }
}

void PartsBuilder::messages(const TypedSection& section) {
  anthropic_tools(section.tools);
  add_text(text_of(section.system));
  for_each_element(section.system, [&](std::string_view block) {
    const auto [type, text_raw] = fields_of<2>(block, {"type", "text"});
    const std::string_view text = text_of(text_raw);
    if (text_of(type) == "text" && !text.starts_with(kBillingHeader)) add_text(text);
  });
  for_each_element(section.content, [&](std::string_view message) {
    const auto [role, content] = fields_of<2>(message, {"role", "content"});
    add_text(text_of(role));
    if (is_string(content)) return add_text(text_of(content));
    for_each_element(content, [&](std::string_view block) { message_block(block); });
  });
}

void PartsBuilder::message_block(std::string_view block) {
  const auto [type_raw, text, source, id, name, input, content, thinking] =
      fields_of<8>(block, {"type", "text", "source", "id", "name", "input", "content", "thinking"});
  const std::string_view type = text_of(type_raw);
  if (type == "text") {
    add_text(text_of(text));
  } else if (type == "image") {
    image_source(source, /*as_data_url=*/false);
  } else if (type == "thinking") {
    add_text(text_of(thinking));
  } else if (type == "tool_use") {
    add_text(text_of(id));
    add_text(text_of(name));
    add_text(input);
  } else if (type == "tool_result") {
    tool_result(content);
  }
}

// Its texts joined by a newline, then its images.
void PartsBuilder::tool_result(std::string_view content) {
  add_text(text_of(content));
  bool first = true;
  for_each_element(content, [&](std::string_view block) {
    const auto [type, text] = fields_of<2>(block, {"type", "text"});
    if (text_of(type) != "text") return;
    if (!first) add_text("\n");
    first = false;
    add_text(text_of(text));
  });
  for_each_element(content, [&](std::string_view block) {
    const auto [type, source] = fields_of<2>(block, {"type", "source"});
    if (text_of(type) == "image") image_source(source, /*as_data_url=*/true);
  });
}

// A URL, else base64 data; nothing if there is neither.
void PartsBuilder::image_source(std::string_view source, bool as_data_url) {
  const auto [url_raw, data_raw, media_raw] = fields_of<3>(source, {"url", "data", "media_type"});
  const std::string_view url = text_of(url_raw);
  if (!url.empty()) return add(PartKind::kImage, url);
  const std::string_view data = text_of(data_raw);
  if (data.empty()) return;
  const std::string_view media = text_of(media_raw);
  if (!as_data_url) return add(PartKind::kImage, data, media);
  std::string rebuilt = "data:";
  rebuilt.append(media.empty() ? kDefaultMediaType : media).append(";base64,").append(data);
  add(PartKind::kImage, arena_.copy(rebuilt));
}

// [{"name":..,"description":..,"input_schema":..,"strict":..,"defer_loading":..}], absent members left out but the
// name, the schema in the client's own key order.
void PartsBuilder::anthropic_tools(std::string_view tools) {
  std::string json;
  for_each_element(tools, [&](std::string_view tool) {
    const auto [name, description, schema, strict, defer] =
        fields_of<5>(tool, {"name", "description", "input_schema", "strict", "defer_loading"});
    json += json.empty() ? "[{\"name\":" : ",{\"name\":";
    append_json_string(json, text_of(name), HtmlEscape::kYes);
    if (const std::string_view text = text_of(description); !text.empty()) {
      json += ",\"description\":";
      append_json_string(json, text, HtmlEscape::kYes);
    }
    if (!schema.empty()) {
      json += ",\"input_schema\":";
      append_compact(json, schema);
    }
    if (!strict.empty()) json.append(",\"strict\":").append(strict);
    if (!defer.empty()) json.append(",\"defer_loading\":").append(defer);
    json += '}';
  });
  if (!json.empty()) add_json(json += ']');
}

void PartsBuilder::responses(const TypedSection& section) {
  std::string json = "[";
  const auto append = [&](std::string_view name, std::string_view raw) {
    if (raw.empty()) return;
    json.append(json.size() > 1 ? ",{\"" : "{\"").append(name).append("\":");
    append_canonical(json, raw);
    json += '}';
  };
  append("instructions", section.instructions);
  append("tools", section.tools);
  append("input", section.content);
  add_json(json += ']');
}

void PartsBuilder::conversations(std::string_view items) {
  std::string json = "[";
  for_each_element(items, [&](std::string_view item) {
    const auto [type, role, content] = fields_of<3>(item, {"type", "role", "content"});
    if (json.size() > 1) json += ',';
    json += '{';
    const auto name = [&](std::string_view key) {
      if (json.back() != '{') json += ',';
      json.append("\"").append(key).append("\":");
    };
    if (const std::string_view text = text_of(type); !text.empty()) {
      name("type");
      append_json_string(json, text, HtmlEscape::kYes);
    }
    if (const std::string_view text = text_of(role); !text.empty()) {
      name("role");
      append_json_string(json, text, HtmlEscape::kYes);
    }
    if (!content.empty()) {
      name("content");
      append_canonical(json, content);
    }
    json += '}';
  });
  add_json(json += ']');
}

void PartsBuilder::generate(const TypedSection& section) {
  add_token_ids(section.content);
  for_each_member(section.mm_hashes, [&](std::string_view modality, std::string_view hashes) {
    std::string_view places;
    for_each_member(section.mm_placeholders, [&](std::string_view key, std::string_view value) {
      if (key == modality) places = value;
    });
    std::vector<std::string_view> place_list;
    for_each_element(places, [&](std::string_view place) { place_list.push_back(place); });
    const std::string_view kept_modality = arena_.copy(modality);
    std::size_t index = 0;
    for_each_element(hashes, [&](std::string_view hash) {
      if (index == place_list.size()) return;
      const auto [offset, length] = fields_of<2>(place_list[index++], {"offset", "length"});
      const auto count = [](std::string_view raw) {
        return static_cast<std::uint64_t>(parse_token_id(raw).value_or(0));
      };
      parts_.features.push_back(
          {kept_modality, text_of(hash), offset.empty() ? 0 : count(offset), length.empty() ? 0 : count(length)});
    });
  });
  std::stable_sort(parts_.features.begin(), parts_.features.end(),
                   [](const MultimodalFeature& a, const MultimodalFeature& b) { return a.offset < b.offset; });
}

}  // namespace

PromptParts build_prompt_parts(const ParsedRequest& request, Arena& arena, PromptParts reuse) {
  return PartsBuilder(request, arena, std::move(reuse)).build();
}

}  // namespace epp::request
