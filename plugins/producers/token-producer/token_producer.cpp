// token-producer: gives a request token ids without a tokenizer. Four bytes of prompt make one pseudo token; images,
// videos and audio become runs of placeholder tokens. Good for prefix matching and load estimates, as equal prompts
// have equal tokens and the count is about right; the ids mean nothing to a model.
#include "../../common/image_size.h"
#include "../../common/text.h"
#include "../../common/xxh64.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

static_assert(std::endian::native == std::endian::little, "prompt bytes become tokens as they lie in memory");

constexpr std::string_view kTokenType = "TokenizedPrompt";

std::optional<double> positive_number(std::string_view text) {
  text = epp::builtin::trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value) || value <= 0) return std::nullopt;
  return value;
}

// "1280x720"
std::optional<epp::builtin::ImageSize> resolution(std::string_view text) {
  const size_t x = text.find_first_of("xX");
  if (x == std::string_view::npos) return std::nullopt;
  const auto width = positive_number(text.substr(0, x));
  const auto height = positive_number(text.substr(x + 1));
  if (!width || !height || *width > 65535 || *height > 65535) return std::nullopt;
  return epp::builtin::ImageSize{static_cast<uint32_t>(*width), static_cast<uint32_t>(*height)};
}

// Placeholder tokens of one picture: by its area, or a fixed number.
class PictureEstimate {
 public:
  // `fixed` is the pointer, below `pointer`, of the number for mode "static".
  PictureEstimate(const epp::sdk::Parameters& parameters, const std::string& pointer, const std::string& fixed)
      : static_(parameters.text(pointer + "/mode", "dynamic") == "static"),
        fixed_(std::max<int64_t>(1, parameters.integer(pointer + fixed, 1))),
        factor_(std::max<int64_t>(1, parameters.integer(pointer + "/dynamic/factor", 1024))) {}

  uint64_t count(const epp::builtin::ImageSize& size) const {
    if (static_) return static_cast<uint64_t>(fixed_);
    return std::max<uint64_t>(1, uint64_t{size.width} * size.height / static_cast<uint64_t>(factor_));
  }

 private:
  bool static_;
  int64_t fixed_;
  int64_t factor_;
};

epp::builtin::ImageSize default_resolution(const epp::sdk::Parameters& parameters, const std::string& pointer) {
  const auto side = [&](const char* name, uint32_t otherwise) {
    const int64_t value = parameters.integer(pointer + "/defaultResolution/" + name, 0);
    return value > 0 ? static_cast<uint32_t>(std::min<int64_t>(value, 65535)) : otherwise;
  };
  return {side("width", 640), side("height", 360)};
}

// Frames times tokens per frame; request headers may tell length, rate and size of the video.
class VideoEstimate {
 public:
  explicit VideoEstimate(const epp::sdk::Parameters& parameters)
      : per_frame_(parameters, "/estimate/video/tokensPerFrame", "/static/numTokensPerFrame"),
        size_(default_resolution(parameters, "/estimate/video")),
        strided_(parameters.text("/estimate/video/frames/mode", "sampled") == "strided"),
        duration_(positive(parameters, "/estimate/video/defaultDuration", 10)),
        sample_rate_(positive(parameters, "/estimate/video/frames/sampled/sampleFPS", 2)),
        source_rate_(positive(parameters, "/estimate/video/frames/strided/defaultSourceFPS", 24)),
        patch_(parameters.integer("/estimate/video/frames/sampled/temporalPatchSize", 1)),
        stride_(std::max<int64_t>(1, parameters.integer("/estimate/video/frames/strided/frameStride", 1))),
        min_frames_(parameters.integer("/estimate/video/frames/minFrames", 0)),
        max_frames_(parameters.integer("/estimate/video/frames/maxFrames", 0)),
        max_tokens_(parameters.integer("/estimate/video/maxVideoTokens", 0)) {}

  uint64_t count(const epp::sdk::Request& request) const {
    const double duration = positive_number(request.header("x-llm-d-video-duration-seconds")).value_or(duration_);
    const auto size = resolution(request.header("x-llm-d-video-resolution")).value_or(size_);
    int64_t frames = 0;
    if (strided_) {
      const double rate = positive_number(request.header("x-llm-d-video-fps")).value_or(source_rate_);
      frames = clamp_frames(whole(duration * rate) / stride_);
    } else {
      frames = clamp_frames(whole(duration * sample_rate_));
      if (patch_ > 1) frames /= patch_;
    }
    uint64_t tokens = static_cast<uint64_t>(frames) * per_frame_.count(size);
    if (max_tokens_ > 0) tokens = std::min(tokens, static_cast<uint64_t>(max_tokens_));
    return std::max<uint64_t>(1, tokens);
  }

 private:
  static double positive(const epp::sdk::Parameters& parameters, const char* pointer, double otherwise) {
    const double value = parameters.number(pointer, otherwise);
    return value > 0 ? value : otherwise;
  }
  // A day of video at 1000 frames per second is more than anybody means.
  static int64_t whole(double frames) { return static_cast<int64_t>(std::min(frames, 86400e3)); }
  int64_t clamp_frames(int64_t frames) const {
    if (min_frames_ > 0) frames = std::max(frames, min_frames_);
    if (max_frames_ > 0) frames = std::min(frames, max_frames_);
    return frames;
  }

  PictureEstimate per_frame_;
  epp::builtin::ImageSize size_;
  bool strided_;
  double duration_;
  double sample_rate_;
  double source_rate_;
  int64_t patch_;
  int64_t stride_;
  int64_t min_frames_;
  int64_t max_frames_;
  int64_t max_tokens_;
};

constexpr size_t align4(size_t bytes) {
  return (bytes + 3) & ~size_t{3};
}

class TokenProducer {
 public:
  // A request cannot make the host allocate more than this for its placeholders.
  static constexpr uint64_t kMaxPlaceholders = 1u << 22;

  explicit TokenProducer(epp::sdk::Context& context)
      : picture_(context.parameters(), "/estimate/image", "/static/staticToken"),
        picture_size_(default_resolution(context.parameters(), "/estimate/image")),
        video_(context.parameters()),
        tokens_(context.produce_value(key(context), EPP_TYPE_U32_LIST)),
        ends_(context.produce_value(key(context, "#ends"), EPP_TYPE_U32_LIST)),
        features_(context.produce_value(key(context, "#features"), EPP_TYPE_BYTES)),
        salt_(context.produce_value(key(context, "#cache_salt"), EPP_TYPE_STR)) {
    refuse_tokenizers(context.parameters());
  }

  void produce(const epp::sdk::Request& request, const epp::sdk::Candidates&) const {
    if (!tokens_.has(request)) estimate(request);
    if (!salt_.has(request) && !request.cache_salt().empty()) salt_.set(request, request.cache_salt());
  }

 private:
  static std::string key(const epp::sdk::Context& context, std::string_view field = {}) {
    return epp::sdk::data_key(kTokenType, context.name(), field);
  }

  static void refuse_tokenizers(const epp::sdk::Parameters& parameters) {
    using epp::sdk::Error;
    const bool vllm = parameters.has("/vllm") || parameters.has("/modelName");
    const bool uds = parameters.has("/udsTokenizerConfig");
    const int backends = int{parameters.has("/estimate")} + int{parameters.has("/vllm")} + int{uds};
    if (backends > 1) {
      throw Error("only one of estimate, vllm and udsTokenizerConfig may be set", EPP_ERR_BAD_REQUEST);
    }
    if (uds) throw Error("parameter udsTokenizerConfig: this tokenizer is not supported yet", EPP_ERR_BAD_REQUEST);
    if (vllm) {
      throw Error(std::string("parameter ") + (parameters.has("/vllm") ? "vllm" : "modelName") +
                      ": the vLLM render tokenizer is not supported yet",
                  EPP_ERR_BAD_REQUEST);
    }
  }

  // Calls `piece(part, tokens)` for each part of the prompt, with the number of placeholders it becomes: 0 for text and
  // token ids.
  template <typename Piece>
  void for_each_piece(const epp::sdk::Request& request, std::span<const epp_prompt_part> parts, Piece&& piece) const {
    uint64_t left = kMaxPlaceholders;
    for (const epp_prompt_part& part : parts) {
      const uint64_t tokens = std::min(placeholder_count(request, part), left);
      left -= tokens;
      piece(part, tokens);
    }
  }

  // Sizes first, so that the tokens are written once, into memory that the host owns.
  void estimate(const epp::sdk::Request& request) const {
    const auto parts = request.prompt();
    size_t bytes = 0;
    uint32_t prompt = parts.empty() ? 0 : parts.front().prompt;
    for_each_piece(request, parts, [&](const epp_prompt_part& part, uint64_t tokens) {
      if (std::exchange(prompt, part.prompt) != part.prompt) bytes = align4(bytes);
      if (part.kind == EPP_PART_TEXT) {
        bytes += static_cast<size_t>(part.data.size);
      } else if (part.kind == EPP_PART_TOKEN_IDS) {
        bytes = align4(bytes) + static_cast<size_t>(part.data.size);
      } else {
        bytes = align4(bytes) + static_cast<size_t>(tokens) * sizeof(uint32_t);
      }
    });
    if (bytes == 0) return;
    const auto tokens = tokens_.set_u32(request, align4(bytes) / sizeof(uint32_t));
    if (!tokens.empty()) write(request, parts, tokens);
  }

  void write(const epp::sdk::Request& request, std::span<const epp_prompt_part> parts,
             std::span<uint32_t> tokens) const {
    auto* const out = reinterpret_cast<uint8_t*>(tokens.data());
    size_t at = 0;  // bytes written
    const auto pad = [&] {
      while (at % 4 != 0)
        out[at++] = 0;
    };
    const std::span<uint32_t> ends = ends_.set_u32(request, parts.back().prompt + 1);
    size_t prompts = 0;  // that have ended
    std::vector<epp_mm_feature> features;
    size_t prompt_begin = 0;  // in tokens
    const auto end_prompt = [&] {
      pad();
      prompt_begin = at / 4;
      if (prompts < ends.size()) ends[prompts] = static_cast<uint32_t>(prompt_begin);
      ++prompts;
    };
    for_each_piece(request, parts, [&](const epp_prompt_part& part, uint64_t count) {
      while (prompts < part.prompt)
        end_prompt();
      if (part.kind != EPP_PART_TEXT) pad();
      if (part.kind == EPP_PART_TEXT || part.kind == EPP_PART_TOKEN_IDS) {
        if (part.data.size != 0) std::memcpy(out + at, part.data.data, part.data.size);
        at += static_cast<size_t>(part.data.size);
        return;
      }
      const uint64_t hash = content_hash(part);
      features.push_back({part.prompt, modality(part.kind), static_cast<uint32_t>(at / 4 - prompt_begin),
                          static_cast<uint32_t>(count), hash});
      std::fill_n(tokens.begin() + static_cast<ptrdiff_t>(at / 4), count, static_cast<uint32_t>(hash));
      at += static_cast<size_t>(count) * sizeof(uint32_t);
    });
    end_prompt();
    if (!features.empty()) {
      features_.set_bytes(
          request, {reinterpret_cast<const uint8_t*>(features.data()), features.size() * sizeof(epp_mm_feature)});
    }
  }

  uint64_t placeholder_count(const epp::sdk::Request& request, const epp_prompt_part& part) const {
    switch (part.kind) {
      case EPP_PART_IMAGE:
        return picture_.count(epp::builtin::data_url_image_size(text(part)).value_or(picture_size_));
      case EPP_PART_VIDEO:
        return video_.count(request);
      case EPP_PART_AUDIO:
        return std::max<uint64_t>(1, (part.data.size + part.aux.size + 3) / 4);
      default:
        return 0;
    }
  }

  static std::string_view text(const epp_prompt_part& part) {
    return {reinterpret_cast<const char*>(part.data.data), static_cast<size_t>(part.data.size)};
  }
  static uint64_t content_hash(const epp_prompt_part& part) {
    const bool with_format = part.kind == EPP_PART_AUDIO;
    return epp::builtin::xxh64(text(part), with_format ? epp::sdk::view(part.aux) : std::string_view{});
  }
  static uint32_t modality(uint32_t kind) {
    if (kind == EPP_PART_IMAGE) return EPP_MODALITY_IMAGE;
    return kind == EPP_PART_VIDEO ? EPP_MODALITY_VIDEO : EPP_MODALITY_AUDIO;
  }

  PictureEstimate picture_;
  epp::builtin::ImageSize picture_size_;
  VideoEstimate video_;
  epp::sdk::RequestValue tokens_;
  epp::sdk::RequestValue ends_;
  epp::sdk::RequestValue features_;
  epp::sdk::RequestValue salt_;
};

constexpr std::string_view kSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "definitions": {
    "resolution": {
      "type": "object", "additionalProperties": false,
      "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}}
    },
    "mode": {"type": "string", "enum": ["dynamic", "static"], "default": "dynamic"},
    "dynamic": {
      "type": "object", "additionalProperties": false,
      "properties": {"factor": {"type": "integer", "default": 1024, "description": "Pixels per token."}}
    }
  },
  "properties": {
    "estimate": {
      "type": "object", "additionalProperties": false,
      "description": "Pseudo tokens from the bytes of the prompt; the default.",
      "properties": {
        "image": {
          "type": "object", "additionalProperties": false,
          "properties": {
            "mode": {"$ref": "#/definitions/mode"},
            "defaultResolution": {"$ref": "#/definitions/resolution"},
            "static": {
              "type": "object", "additionalProperties": false,
              "properties": {"staticToken": {"type": "integer", "description": "Tokens per image."}}
            },
            "dynamic": {"$ref": "#/definitions/dynamic"}
          }
        },
        "video": {
          "type": "object", "additionalProperties": false,
          "properties": {
            "defaultResolution": {"$ref": "#/definitions/resolution"},
            "defaultDuration": {"type": "number", "default": 10, "description": "Seconds."},
            "tokensPerFrame": {
              "type": "object", "additionalProperties": false,
              "properties": {
                "mode": {"$ref": "#/definitions/mode"},
                "static": {
                  "type": "object", "additionalProperties": false,
                  "properties": {"numTokensPerFrame": {"type": "integer"}}
                },
                "dynamic": {"$ref": "#/definitions/dynamic"}
              }
            },
            "frames": {
              "type": "object", "additionalProperties": false,
              "properties": {
                "mode": {"type": "string", "enum": ["sampled", "strided"], "default": "sampled"},
                "minFrames": {"type": "integer", "default": 0, "description": "0: no bound."},
                "maxFrames": {"type": "integer", "default": 0, "description": "0: no bound."},
                "sampled": {
                  "type": "object", "additionalProperties": false,
                  "properties": {
                    "sampleFPS": {"type": "number", "default": 2},
                    "temporalPatchSize": {"type": "integer", "default": 1}
                  }
                },
                "strided": {
                  "type": "object", "additionalProperties": false,
                  "properties": {
                    "defaultSourceFPS": {"type": "number", "default": 24},
                    "frameStride": {"type": "integer", "default": 1}
                  }
                }
              }
            },
            "maxVideoTokens": {"type": "integer", "default": 0, "description": "0: no bound."}
          }
        }
      }
    },
    "modelName": {"type": "string", "description": "Model for a real tokenizer; not supported yet."},
    "vllm": {"type": "object", "description": "Tokenize through vLLM's render endpoint; not supported yet."},
    "udsTokenizerConfig": {"type": "object", "description": "Deprecated; not supported yet."}
  }
})json";

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<TokenProducer>({
                     .name = "token-producer",
                     .description = "Gives requests pseudo tokens estimated from the bytes of their prompts",
                     .parameters_schema = kSchema,
                     .default_keys = {EPP_KEY_TOKENIZED_PROMPT},
                 }),
                 epp::sdk::type<TokenProducer>({
                     .name = "tokenizer",
                     .description = "Gives requests pseudo tokens estimated from the bytes of their prompts",
                     .parameters_schema = kSchema,
                     .replaced_by = "token-producer",
                 }))
