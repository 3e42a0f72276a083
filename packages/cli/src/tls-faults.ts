/** What Node and OpenSSL say of a server whose TLS can't be used, by their codes, and what it means. */
const TLS_FAULTS: Record<string, string> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: "its certificate isn't valid yet: check this machine's clock",
  DEPTH_ZERO_SELF_SIGNED_CERT: "it signed its certificate itself, which this machine doesn't trust",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is from an authority that this machine doesn't trust",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is from an authority that this machine doesn't trust",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is from an authority that this machine doesn't trust",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is from an authority that this machine doesn't trust",
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  ERR_SSL_WRONG_VERSION_NUMBER: "it doesn't speak TLS there",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it doesn't speak TLS there",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a certificate of this client',
};

/** What is wrong with the server's TLS, where that is what an error is about. */
export function tlsFault(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause)
    if ('code' in at && typeof at.code === 'string' && Object.hasOwn(TLS_FAULTS, at.code))
      return TLS_FAULTS[at.code];
  return undefined;
}
