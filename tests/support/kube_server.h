#pragma once

#include "support/files.h"
#include "support/process.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace epp::testing {

// Who may do what. Every user has a token; RBAC knows the rights.
enum class KubeUser : std::uint8_t {
  kAdmin,     // everything
  kEpp,       // what an EPP needs with all features on
  kPodsOnly,  // pods and InferencePools: the rights of the conformance manifests
  kScraper,   // nothing but GET /metrics of others
  kNobody,    // authenticated, without any right
};

// A real kube-apiserver and etcd on 127.0.0.1, with the CRDs of configs/crds. They are killed with the object; their
// data goes as well. Test programs that use it are made by epp_kube_test(), which skips them where there is none. Not
// thread-safe.
class KubeServer {
 public:
  // Why there can be none on this machine; empty if there can.
  static std::string missing();
  // One for the whole test program, started when first asked for.
  static KubeServer& shared();

  KubeServer();
  ~KubeServer();
  KubeServer(const KubeServer&) = delete;
  KubeServer& operator=(const KubeServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }
  std::string ca_pem() const;
  static std::string token(KubeUser user);
  // The user's name, as the API server says it.
  static std::string name(KubeUser user);

  // A kubeconfig of this user; `port` is for a relay in front of the server.
  std::string kubeconfig(KubeUser user, std::optional<std::uint16_t> port = {}) const;
  // The same, in a file that lives as long as the server. One file for each combination.
  std::filesystem::path kubeconfig_file(KubeUser user, std::optional<std::uint16_t> port = {}) const;

  // SIGKILL for the API server; etcd stays. Until start() nobody listens on port().
  void kill();
  // With the same data on the same port; returns when it is ready.
  void start();
  // Compacts etcd. Together with a restart, watches from an older resourceVersion get 410.
  void compact();

  // What the API server wrote to its log.
  std::string log() const;

 private:
  void start_etcd();
  void create_users() const;
  void create_crds() const;

  TempDir directory_;
  std::uint16_t port_ = 0;
  std::uint16_t etcd_port_ = 0;
  std::unique_ptr<Process> etcd_;
  std::unique_ptr<Process> api_;
};

}  // namespace epp::testing
