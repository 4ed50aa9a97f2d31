// Command line, environment and listeners of an EPP that follows a cluster.
#include "conformance/exchange.h"
#include "conformance/kube_lab.h"
#include "conformance/tls_probe.h"
#include "support/certificates.h"
#include "support/ports.h"
#include "support/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

namespace epp::conformance {
namespace {

using ::testing::HasSubstr;
using testing::wait_until;

constexpr int kResourceExhausted = 8;  // the gRPC status

const std::string kAnyCluster = "--kubeconfig=/dev/null";  // for starts that fail before it is read

KubeEpp selecting(const std::string& ports, const std::string& pod_name) {
  return {.flags = {"--endpoint-selector=app=m", "--endpoint-target-ports=" + ports},
          .pool = "",
          .environment = {"POD_NAME=" + pod_name}};
}

TEST(KubernetesCheck, C01_NoClusterIsAnError) {
  EppServer epp({.arguments = with(kAnyEndpoint, {"--pool-name=pool"}),
                 .wait_until_serving = false,
                 .environment = {"KUBECONFIG=", "KUBERNETES_SERVICE_HOST=", "HOME=/nonexistent"}});
  EXPECT_EQ(epp.process().wait(), 1) << epp.process().output();
}

TEST(KubernetesCheck, C02_OneOfPoolAndSelector) {
  const std::string text = "either pool-name or endpoint-selector must be set";
  for (const Flags& flags :
       {Flags{}, Flags{"--pool-name=p", "--endpoint-selector=app=m", "--endpoint-target-ports=8000"}}) {
    const Refusal refusal = refusal_of(with(kAnyEndpoint, flags));
    EXPECT_EQ(refusal.exit_code, 1);
    EXPECT_THAT(refusal.text, HasSubstr(text));
  }
}

TEST(KubernetesCheck, C03_TargetPortsOfASelector) {
  const Refusal refusal =
      refusal_of(with(kAnyEndpoint, {kAnyCluster, "--endpoint-selector=app=m",
                                     "--endpoint-target-ports=8000,8001,8002,8003,8004,8005,8006,8007,8008"}));
  EXPECT_EQ(refusal.exit_code, 1);
  EXPECT_THAT(refusal.text, HasSubstr(R"(flag "endpoint-target-ports" should have length from 1 to 8)"));

  FakeCluster cluster;
  cluster.put_pool_of_a();
  const EppServer epp = cluster.start(selecting("8000,8000,8001", "my-epp-7d9f8c6b5-x2k4p"));
  EXPECT_TRUE(has_endpoints(epp, {"a-rank-0", "a-rank-1"}));
  EXPECT_EQ(destinations(Client(epp.grpc_port())), (Destinations{"127.1.0.1:8000", "127.1.0.1:8001"}));
}

TEST(KubernetesCheck, C04_TheDeploymentNamesThePool) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  KubeEpp of_a_deployment = selecting("8000", "my-epp-7d9f8c6b5-x2k4p");
  of_a_deployment.flags.push_back("--refresh-prometheus-metrics-interval=100ms");
  const EppServer epp = cluster.start(of_a_deployment);
  EXPECT_TRUE(wait_until(
      [&] { return epp.metrics().find(R"(llm_d_epp_ready_endpoints{name="my-epp"})") != std::string::npos; }));

  KubeEpp of_a_stateful_set = selecting("8000", "epp-0");
  of_a_stateful_set.wait_until_serving = false;
  EppServer refused = cluster.start(of_a_stateful_set);
  EXPECT_EQ(refused.process().wait(), 1);
  EXPECT_THAT(refused.process().output(), HasSubstr("failed to parse deployment name from pod name"));
}

TEST(KubernetesCheck, C30_SelfSignedTlsByDefault) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  const EppServer epp = cluster.start({.flags = {"--secure-serving=true"}});
  const Handshake handshake = shake_hands(epp.grpc_port());
  ASSERT_TRUE(handshake.ok);
  EXPECT_EQ(handshake.alpn, "h2");
  EXPECT_EQ(handshake.key_type, "RSA");
  EXPECT_EQ(handshake.key_bits, 4096);
  EXPECT_EQ(shake_hands(epp.grpc_port(), TLS1_2_VERSION).version, TLS1_2_VERSION);
  // A later minimum cannot be had from gRPC 1.51: it is refused rather than ignored.
  KubeEpp later{.flags = {"--secure-serving=true", "--tls-min-version=VersionTLS13"}, .wait_until_serving = false};
  EppServer refused = cluster.start(later);
  EXPECT_EQ(refused.process().wait(), 1);
  EXPECT_THAT(refused.process().output(), HasSubstr("VersionTLS13"));
}

TEST(KubernetesCheck, C31_CertificatesAreReloaded) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  const testing::TempDir directory;
  testing::write_key_pair(directory.path(), testing::make_key_pair("One"));
  EppServer epp = cluster.start(
      {.flags = {"--secure-serving=true", "--enable-cert-reload", "--cert-path=" + directory.path().string()}});
  EXPECT_EQ(shake_hands(epp.grpc_port()).organization, "One");
  const auto shows = [&](const std::string& organization) {
    return wait_until([&] { return shake_hands(epp.grpc_port()).organization == organization; },
                      std::chrono::seconds(5));
  };
  testing::write_key_pair(directory.path(), testing::make_key_pair("Two"));
  EXPECT_TRUE(shows("Two"));
  testing::write_file(directory.path() / "tls.key", testing::make_key_pair("Three").key);
  epp.process().wait_for_line("Failed to reload TLS certificate");
  EXPECT_TRUE(shows("Two"));
}

TEST(KubernetesCheck, C33_MessageSizes) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  const EppServer epp = cluster.start({.flags = {"--grpc-max-recv-msg-size=1Mi"}});
  const Client client(epp.grpc_port());
  Exchange large = client.begin({.body = std::string(2u << 20, 'x'), .chunk = 2u << 20}, testing::kPatience);
  EXPECT_EQ(large.finish(), kResourceExhausted);
  EXPECT_EQ(client.ask().status, 200);
  EXPECT_EQ(refusal_of(with(kAnyEndpoint, {kAnyCluster, "--pool-name=p", "--grpc-max-recv-msg-size=10Ei"})).exit_code,
            1);
}

TEST(KubernetesCheck, C34_EndpointsOfAFile) {
  const testing::TempDir directory;
  const std::filesystem::path file = directory.path() / "endpoints.yaml";
  const Flags flags = with("plugins: [{type: file-discovery, parameters: {path: " + file.string() +
                               ", watchFile: true}}]\ndataLayer: {discovery: {pluginRef: file-discovery}}\n",
                           {"--pool-name=p"});
  for (const char* bad : {"endpoints: [{name: a, address: 127.1.0.1, port: 8000}]",
                          "endpoints: [{name: a, address: localhost, port: '8000'}]"}) {
    testing::write_file(file, bad);
    EXPECT_EQ(refusal_of(flags).exit_code, 1) << bad;
  }
  testing::write_file(
      file, "endpoints: [{name: a, address: 127.1.0.1, port: '1'}, {name: b, address: 127.1.0.2, port: '1'}]");
  const EppServer epp({.arguments = flags});
  const Client client(epp.grpc_port());
  EXPECT_TRUE(goes_to(client, {"127.1.0.1:1", "127.1.0.2:1"}));
  testing::write_file(file, "endpoints: [{name: a, address: 127.1.0.1, port: '1'}]");
  EXPECT_TRUE(goes_to(client, {"127.1.0.1:1"}));

  std::filesystem::remove(file);
  const std::uint16_t port = testing::free_port();
  EppServer refused({.arguments = with(flags.at(0).substr(std::string("--config-text=").size()),
                                       {"--pool-name=p", "--grpc-port=" + std::to_string(port)}),
                     .wait_until_serving = false});
  EXPECT_EQ(refused.process().wait(), 1);
  EXPECT_THAT(refused.process().output(), ::testing::Not(HasSubstr("gRPC server listening")));
}

TEST(KubernetesCheck, C38_ATakenPortEndsTheStart) {
  FakeCluster cluster;
  cluster.put_pool_of_a();
  const EppServer first = cluster.start();
  EppServer second =
      cluster.start({.flags = {"--grpc-port=" + std::to_string(first.grpc_port())}, .wait_until_serving = false});
  EXPECT_EQ(second.process().wait(), 1);
  EXPECT_THAT(second.process().output(), HasSubstr("Address already in use"));
}

}  // namespace
}  // namespace epp::conformance
