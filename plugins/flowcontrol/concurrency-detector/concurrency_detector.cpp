// concurrency-detector: how full the endpoints are by the requests or tokens that this router has under way on them. As
// a saturation detector it holds requests back while the pool is full; listed in a scheduling profile it drops the full
// endpoints.
#include <epp/plugin.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace {

class ConcurrencyDetector {
 public:
  explicit ConcurrencyDetector(epp::sdk::Context& context)
      : host_(context.host()),
        requests_(context.require_i64(load_key(context, EPP_FIELD_INFLIGHT_REQUESTS))),
        tokens_(context.require_i64(load_key(context, EPP_FIELD_INFLIGHT_TOKENS))) {
    const auto& parameters = context.parameters();
    const std::string mode = parameters.text("/concurrencyMode", "requests");
    by_requests_ = mode != "tokens";
    by_tokens_ = mode != "requests";
    const int64_t max_requests = parameters.integer("/maxConcurrency", 100);
    const int64_t max_tokens = parameters.integer("/maxTokenConcurrency", 1'000'000);
    const double headroom = parameters.number("/headroom", 0);

    std::string wrong;
    const auto check = [&wrong](bool ok, const std::string& complaint) {
      if (ok) return;
      if (!wrong.empty()) wrong += "; ";
      wrong += complaint;
    };
    check(mode == "requests" || mode == "tokens" || mode == "hybrid",
          "concurrencyMode must be requests, tokens or hybrid, got \"" + mode + '"');
    check(max_requests > 0, "maxConcurrency must be > 0, got " + std::to_string(max_requests));
    check(max_tokens > 0, "maxTokenConcurrency must be > 0, got " + std::to_string(max_tokens));
    check(headroom >= 0, "headroom must be >= 0");
    if (!wrong.empty()) {
      throw epp::sdk::Error("invalid concurrency detector configuration: " + wrong, EPP_ERR_BAD_REQUEST);
    }
    max_requests_ = static_cast<double>(max_requests);
    max_tokens_ = static_cast<double>(max_tokens);
    request_limit_ = limit(max_requests_, headroom);
    token_limit_ = limit(max_tokens_, headroom);
  }

  // Load by capacity; requests that have no endpoint yet add to the load of all.
  double saturation(const epp::sdk::Candidates& candidates, const epp::sdk::Reservations& reservations,
                    uint64_t&) const {
    if (candidates.empty()) return 1;
    const auto requests = requests_.of(host_, candidates);
    const auto tokens = tokens_.of(host_, candidates);
    double sum =
        load(static_cast<double>(reservations.undecided()), static_cast<double>(reservations.undecided_tokens()));
    for (uint32_t i = 0; i < candidates.size(); ++i)
      sum += load(static_cast<double>(requests.or_else(i, 0)), static_cast<double>(tokens.or_else(i, 0)));
    return sum / (capacity() * candidates.size());
  }

  // Live counters only.
  uint64_t believed_age_ns() const { return 0; }

  // Keeps endpoints below the limits; it may keep none.
  void filter(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, epp::sdk::Kept& kept) const {
    const auto requests = requests_.of(request, candidates);
    const auto tokens = tokens_.of(request, candidates);
    kept.keep_if(candidates, [&](uint32_t i) {
      return (!by_requests_ || requests.or_else(i, 0) < request_limit_) &&
             (!by_tokens_ || tokens.or_else(i, 0) < token_limit_);
    });
  }

 private:
  static std::string load_key(epp::sdk::Context& context, std::string_view field) {
    std::string producer = context.parameters().text("/inFlightLoadProducerName");
    if (producer.empty()) producer = "inflight-load-producer";
    return epp::sdk::data_key(EPP_KEY_INFLIGHT_LOAD_TYPE, producer, field);
  }
  // Whole numbers, so that a full pool is 1 and not a rounding error less.
  double load(double requests, double tokens) const {
    if (!by_tokens_) return requests;
    if (!by_requests_) return tokens;
    return std::max(requests * max_tokens_, tokens * max_requests_);
  }
  double capacity() const { return (by_requests_ ? max_requests_ : 1) * (by_tokens_ ? max_tokens_ : 1); }

  static int64_t limit(double capacity, double headroom) {
    return static_cast<int64_t>(std::min(capacity * (1 + headroom), 9e18));
  }

  epp::sdk::Host host_;
  epp::sdk::I64Column requests_;
  epp::sdk::I64Column tokens_;
  bool by_requests_ = true;
  bool by_tokens_ = false;
  double max_requests_ = 0;
  double max_tokens_ = 0;
  int64_t request_limit_ = 0;
  int64_t token_limit_ = 0;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<ConcurrencyDetector>({
    .name = "concurrency-detector",
    .description = "Tells saturation from requests and tokens in flight; as a filter drops full endpoints",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "concurrencyMode": {
          "type": "string", "default": "requests",
          "description": "What fills an endpoint: requests, tokens, or hybrid for whichever is fuller."
        },
        "maxConcurrency": {
          "type": "integer", "default": 100, "description": "Requests in flight that fill an endpoint; > 0."
        },
        "maxTokenConcurrency": {
          "type": "integer", "default": 1000000, "description": "Tokens in flight that fill an endpoint; > 0."
        },
        "headroom": {
          "type": "number", "default": 0,
          "description": "The filter's limits are the maxima times 1 + headroom, rounded down; >= 0."
        },
        "inFlightLoadProducerName": {
          "type": "string", "default": "",
          "description": "The producer of the counters; empty: inflight-load-producer."
        }
      }
    })json",
}))
