// destination-endpoint-served-verifier: shows a conformance test which endpoint the proxy says it used, by copying
// that from Envoy's metadata to a response header.
#include <epp/plugin.hpp>

namespace {

class DestinationEndpointServedVerifier {
 public:
  explicit DestinationEndpointServedVerifier(epp::sdk::Context&) {}

  void on_response_header(const epp::sdk::Request& request, const epp_response&) const {
    std::string_view served = request.metadata("envoy.lb", "x-gateway-destination-endpoint-served");
    if (served.data() == nullptr) {
      served = request.metadata("envoy.lb", {}).data() == nullptr
                   ? "fail: missing envoy lb metadata"
                   : "fail: missing destination endpoint served metadata";
    }
    request.set_response_header("x-conformance-test-served-endpoint", served);
  }
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<DestinationEndpointServedVerifier>({
    .name = "destination-endpoint-served-verifier",
    .description = "Copies the endpoint that the proxy used to a response header, for conformance tests",
}))
