/* A library, but no plugin. */
int epp_not_a_plugin(void);
int epp_not_a_plugin(void) {
  return 0;
}
