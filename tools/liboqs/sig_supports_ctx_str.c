/*
 * liboqs 0.13 lacks this function; the Python binding looks it up on import. It asks whether a signature scheme takes
 * a context string. This build has no signature scheme that is used, so the answer is no.
 */
#include <stdbool.h>

__attribute__((visibility("default"))) bool OQS_SIG_supports_ctx_str(const char *algorithm) {
	(void)algorithm;
	return false;
}
