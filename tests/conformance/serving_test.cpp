// Ports, health, the end of the process, TLS.
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "conformance/tls_probe.h"
#include "support/certificates.h"
#include "support/files.h"
#include "support/http_client.h"
#include "support/ports.h"
#include "support/wait.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/ssl.h>
#include <sys/resource.h>

namespace epp::conformance {
namespace {

using ::testing::HasSubstr;
using testing::wait_until;

const std::string kAny = "plugins: []";

TEST(ExtprocCheck, C36_DrainsOnSigterm) {
  EppServer epp({.arguments = with(kAny, {silent_endpoint(1), "--drain-timeout=2s"})});
  const Client client(epp.grpc_port());
  Exchange open = client.open();
  for (const char* service : {"", "readiness", "liveness", "envoy.service.ext_proc.v3.ExternalProcessor"}) {
    EXPECT_TRUE(epp.serving(service)) << service;
  }
  epp.process().signal(SIGTERM);
  EXPECT_TRUE(wait_until([&] { return !epp.serving("readiness"); }));
  ASSERT_TRUE(epp.process().running());
  EXPECT_EQ(Client(epp.grpc_port()).ask().status, 200) << "a new stream in the drain window";

  EXPECT_TRUE(wait_until([&] { return !testing::accepts(epp.grpc_port()); }));
  open.response_headers({{":status", "200"}, {"content-type", "application/json"}});
  EXPECT_EQ(open.finish_response("{}"), "{}") << "an open stream goes on to its end";
  EXPECT_EQ(open.finish(), 0);
  EXPECT_EQ(epp.process().wait(), 0) << epp.process().output();
}

TEST(ExtprocCheck, C36_InterruptEndsAtOnce) {
  EppServer epp({.arguments = with(kAny, {silent_endpoint(1)})});
  epp.process().signal(SIGINT);
  EXPECT_EQ(epp.process().wait(), 0) << epp.process().output();
  EXPECT_THAT(epp.process().output(), HasSubstr("\"Stopped\""));
}

TEST(ExtprocCheck, C37_SelfSignedByDefault) {
  const EppServer epp({.arguments = with(kAny, {silent_endpoint(1), "--secure-serving=true"})});
  const Handshake handshake = shake_hands(epp.grpc_port());
  ASSERT_TRUE(handshake.ok);
  EXPECT_EQ(handshake.alpn, "h2");
  EXPECT_EQ(handshake.organization, "Inference Ext");
  EXPECT_EQ(handshake.key_type, "RSA");
  EXPECT_EQ(handshake.key_bits, 4096);
  EXPECT_EQ(shake_hands(epp.grpc_port(), TLS1_2_VERSION).version, TLS1_2_VERSION);
  EXPECT_FALSE(shake_hands(epp.grpc_port(), TLS1_1_VERSION).ok);
}

TEST(ExtprocCheck, C37_AReplacedPairIsShown) {
  const testing::TempDir directory;
  testing::write_key_pair(directory.path(), testing::make_key_pair("One"));
  EppServer epp({.arguments = with(kAny, {silent_endpoint(1), "--secure-serving=true", "--enable-cert-reload",
                                          "--cert-path=" + directory.path().string()})});
  const auto shows = [&](const std::string& organization) {
    return shake_hands(epp.grpc_port()).organization == organization;
  };
  EXPECT_TRUE(shows("One"));
  testing::write_key_pair(directory.path(), testing::make_key_pair("Two"));
  // About a second is promised; a busy machine may take longer.
  EXPECT_TRUE(wait_until([&] { return shows("Two"); }, std::chrono::seconds(5)));

  testing::write_file(directory.path() / "tls.key", testing::make_key_pair("Three").key);
  epp.process().wait_for_line("Failed to reload TLS certificate");
  EXPECT_TRUE(shows("Two")) << "a broken pair keeps the old one";

  testing::write_key_pair(directory.path(), testing::make_key_pair("Four"));
  EXPECT_TRUE(wait_until([&] { return shows("Four"); }, std::chrono::seconds(5)));
}

TEST(ExtprocCheck, C37_MinimumVersion) {
  const testing::TempDir directory;
  testing::write_key_pair(directory.path(), testing::make_key_pair("One"));
  const std::string certificates = "--cert-path=" + directory.path().string();
  const Refusal refusal = refusal_of(
      with(kAny, {silent_endpoint(1), "--secure-serving=true", certificates, "--tls-min-version=VersionTLS99"}));
  EXPECT_EQ(refusal.exit_code, 1);
  EXPECT_THAT(refusal.text, HasSubstr("VersionTLS99"));
}

TEST(ExtprocWeakSpot, W37_ABadPairEndsTheStart) {
  const testing::TempDir directory;
  testing::write_key_pair(directory.path(), {.certificate = testing::make_key_pair("One").certificate,
                                             .key = testing::make_key_pair("Two").key});
  for (const std::filesystem::path& path : {directory.path(), directory.path() / "absent"}) {
    const Refusal refusal =
        refusal_of(with(kAny, {silent_endpoint(1), "--secure-serving=true", "--cert-path=" + path.string()}));
    EXPECT_EQ(refusal.exit_code, 1);
    EXPECT_THAT(refusal.text, HasSubstr("failed to create self signed certificate - "));
  }
}

TEST(ExtprocWeakSpot, W37_ATakenPortEndsTheStart) {
  const EppServer first({.arguments = with(kAny, {silent_endpoint(1)})});
  for (const auto& [flag, port] :
       {std::pair("--grpc-port=", first.grpc_port()), std::pair("--grpc-health-port=", first.health_port()),
        std::pair("--metrics-port=", first.metrics_port())}) {
    const Refusal refusal = refusal_of(with(kAny, {silent_endpoint(1), flag + std::to_string(port)}));
    EXPECT_EQ(refusal.exit_code, 1) << flag;
    EXPECT_THAT(refusal.text, HasSubstr("Address already in use")) << flag;
  }
}

// Each endpoint takes a connection: thousands of them do not fit into the soft limit that shells set.
TEST(Serving, TakesAllDescriptorsThatItMay) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 512, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EppServer epp({.arguments = with(kAny, {silent_endpoint(1)})});
  ::setrlimit(RLIMIT_NOFILE, &before);
  rlimit its{};
  ASSERT_EQ(::prlimit(epp.process().pid(), RLIMIT_NOFILE, nullptr, &its), 0);
  EXPECT_EQ(its.rlim_cur, before.rlim_max);
}

TEST(DatalayerCheck, C35_StateOfPlugins) {
  const EppServer epp({.arguments = with("plugins:\n- type: prefix-cache-scorer\n", {silent_endpoint(1)})});
  const testing::HttpResponse got = testing::http_get(epp.metrics_port(), "/debug/plugins/state");
  EXPECT_EQ(got.status, 200);
  const auto state = nlohmann::json::parse(got.body);
  EXPECT_THAT(state.at("timestamp").get<std::string>(), ::testing::MatchesRegex("....-..-..T..:..:..\\.[0-9]{9}Z"));
  const auto& plugins = state.at("plugins");
  EXPECT_EQ(plugins.at("prefix-cache-scorer").at("message"), "plugin does not support state collection");
  EXPECT_TRUE(plugins.at("approx-prefix-cache-producer").contains("state"));
  const testing::HttpResponse posted =
      testing::http(epp.metrics_port(), {.method = "POST", .path = "/debug/plugins/state"});
  EXPECT_EQ(posted.status, 405);
  EXPECT_EQ(posted.header("allow"), "GET");
}

TEST(DatalayerCheck, C38_AClientAuthorityNeedsCertificates) {
  const Refusal refusal = refusal_of(with(kAny, {silent_endpoint(1), "--metrics-client-ca-file=/ca.crt"}));
  EXPECT_EQ(refusal.exit_code, 1);
  EXPECT_THAT(refusal.text, HasSubstr("metrics-cert-dir"));
}

}  // namespace
}  // namespace epp::conformance
