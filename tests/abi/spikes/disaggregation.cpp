// Spike: what disaggregated serving asks of the ABI. A profile handler that runs decode, then encode and prefill where
// their deciders say so; two deciders; and a filter of the prefill profile that looks at the decode target.
#include <epp/plugin.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace epp::sdk;

constexpr std::string_view kPrefillHeader = "x-prefiller-host-port";
constexpr std::string_view kEncodeHeader = "x-encoder-hosts-ports";

class DisaggHandler {
 public:
  explicit DisaggHandler(Context& context)
      : names_{context.parameters().text("/profiles/decode", "decode"),
               context.parameters().text("/profiles/encode", "encode"),
               context.parameters().text("/profiles/prefill", "prefill")},
        peer_(context.produce_value("peer-endpoint/" + std::string(context.name()), EPP_TYPE_I64)),
        decisions_(context.host().counter("spike_disagg_decision_total", "Stages by request.",
                                          {"plugin_name", "model_name", "decision_type"})),
        name_(context.name()) {
    const std::string encode = context.parameters().text("/deciders/encode");
    const std::string prefill = context.parameters().text("/deciders/prefill");
    if (!encode.empty()) encode_decider_ = context.decider(encode);
    if (!prefill.empty()) prefill_decider_ = context.decider(prefill);
  }

  void bind_profiles(std::span<const std::string_view> names) {
    const auto index = [&names](const std::string& name) {
      const auto at = std::find(names.begin(), names.end(), name);
      return at != names.end() ? static_cast<uint32_t>(at - names.begin()) : kNone;
    };
    decode_ = index(names_[0]);
    encode_ = index(names_[1]);
    prefill_ = index(names_[2]);
  }

  // Decode first. A stage that is decided against is skipped in the same turn in which the next one is looked at.
  void pick_profiles(const Request& request, const Results& results, std::span<uint32_t> decisions) const {
    if (decode_ == kNone) return;
    if (results[decode_].state == EPP_PROFILE_NOT_RUN) {
      decisions[decode_] = EPP_DECIDE_RUN;
      return;
    }
    const epp_endpoint* const decode = results.first_target(results[decode_]);
    if (decode == nullptr) return;
    if (undecided(results, encode_)) {
      const bool wanted = encode_decider_ && encode_decider_.decide(request, decode);
      decisions[encode_] = wanted ? EPP_DECIDE_RUN : EPP_DECIDE_SKIP;
      if (wanted) return;
    }
    if (undecided(results, prefill_)) {
      const bool wanted = prefill_decider_ && prefill_decider_.decide(request, decode);
      decisions[prefill_] = wanted ? EPP_DECIDE_RUN : EPP_DECIDE_SKIP;
      if (wanted) peer_.set(request, int64_t{decode->slot});
    }
  }

  uint32_t process_profiles(const Request& request, const Results& results, std::span<uint32_t>) const {
    if (decode_ == kNone || results[decode_].state != EPP_PROFILE_SUCCEEDED) {
      throw Error("failed to find available decode workers");
    }
    std::string kind;
    if (target(results, encode_) != nullptr) kind += "encode-";
    if (target(results, prefill_) != nullptr) kind += "prefill-";
    kind += kind.empty() ? "decode-only" : "decode";
    decisions_.series({name_, request.target_model(), kind}).add(1);
    return decode_;
  }

  void pre_request(const Request& request, const Results& results) const {
    if (const epp_endpoint* const prefill = target(results, prefill_)) {
      request.set_header(kPrefillHeader, view(prefill->host_port));
    } else {
      request.remove_header(kPrefillHeader);
    }
    std::string encoders;
    if (target(results, encode_) != nullptr) {
      const epp_profile_result& encode = results[encode_];
      for (uint64_t i = 0; i < encode.target_count; ++i) {
        if (i != 0) encoders += ',';
        encoders += view(results.endpoint(encode.targets[i]).host_port);
      }
    }
    if (encoders.empty()) {
      request.remove_header(kEncodeHeader);
    } else {
      request.set_header(kEncodeHeader, encoders);
    }
  }

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  static bool undecided(const Results& results, uint32_t stage) {
    return stage != kNone && results[stage].state == EPP_PROFILE_NOT_RUN;
  }
  static const epp_endpoint* target(const Results& results, uint32_t stage) {
    return stage != kNone ? results.first_target(results[stage]) : nullptr;
  }

  std::string names_[3];
  RequestValue peer_;
  Family decisions_;
  std::string name_;
  Decider encode_decider_;
  Decider prefill_decider_;
  uint32_t decode_ = kNone;
  uint32_t encode_ = kNone;
  uint32_t prefill_ = kNone;
};

// True when enough of the prompt is not cached where it will be decoded.
class PrefixDecider {
 public:
  explicit PrefixDecider(Context& context)
      : wanted_(context.parameters().integer("/nonCachedTokens", 0)),
        tokens_(context.optional_value(EPP_KEY_TOKENIZED_PROMPT, EPP_TYPE_U32_LIST)),
        cached_(context.optional_i64(EPP_KEY_PREFIX_MATCH EPP_FIELD_PREFIX_CACHED_BLOCKS)),
        block_size_(context.optional_i64(EPP_KEY_PREFIX_MATCH EPP_FIELD_PREFIX_BLOCK_SIZE)) {}

  bool decide(const Request& request, const epp_endpoint* endpoint) const {
    const auto length = static_cast<int64_t>(tokens_.u32(request).size());
    if (wanted_ == 0 || endpoint == nullptr || length < wanted_) return false;
    const int64_t blocks = cached_.at(request, *endpoint);
    if (blocks == EPP_I64_MISSING) return false;
    return length - blocks * block_size_.at(request, *endpoint) >= wanted_;
  }

 private:
  int64_t wanted_;
  RequestValue tokens_;
  I64Column cached_;
  I64Column block_size_;
};

// True when a prompt shows pictures, sounds or films.
class MultimodalDecider {
 public:
  explicit MultimodalDecider(Context& context)
      : features_(context.optional_value(EPP_KEY_TOKENIZED_FEATURES, EPP_TYPE_BYTES)) {}
  bool decide(const Request& request, const epp_endpoint*) const {
    const epp_value features = features_.get(request);
    return features.type == EPP_TYPE_BYTES && features.u.bytes.size != 0;
  }

 private:
  RequestValue features_;
};

// In the prefill profile: endpoints on the node of the decode target, if there are any.
class SameNodeFilter {
 public:
  explicit SameNodeFilter(Context& context)
      : peer_(context.optional_value("peer-endpoint/" + context.parameters().text("/handler"), EPP_TYPE_I64)) {}
  // The peer is no candidate of this profile, but its slot shows it all the same.
  void filter(const Request& request, const Candidates& candidates, Kept& kept) const {
    const int64_t slot = peer_.i64(request);
    if (const epp_endpoint* const peer = candidates.endpoint_at_slot(slot)) {
      const std::string_view node = view(peer->node_address);
      kept.keep_if(candidates, [&](uint32_t i) { return view(candidates.endpoint(i).node_address) == node; });
    }
    if (kept.count() == 0) kept.keep_all(candidates);
  }

 private:
  RequestValue peer_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<DisaggHandler>({.name = "spike-disagg-handler",
                                                .description = "decode, then encode and prefill where it pays",
                                                .parameters_schema = R"json({
      "type": "object",
      "properties": {
        "profiles": {"type": "object"},
        "deciders": {"type": "object", "properties": {
          "encode": {"type": "string", "x-epp-plugin-reference": true},
          "prefill": {"type": "string", "x-epp-plugin-reference": true}
        }}
      }
    })json"}),
                 epp::sdk::type<PrefixDecider>({.name = "spike-prefix-decider", .description = "uncached prompts"}),
                 epp::sdk::type<MultimodalDecider>({.name = "spike-multimodal-decider", .description = "pictures"}),
                 epp::sdk::type<SameNodeFilter>({.name = "spike-same-node-filter", .description = "near its peer"}))
