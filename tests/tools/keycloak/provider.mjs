// An OpenID provider that knows the clients of a rendered realm: node provider.mjs REALM.json
//
// Reads the file as Keycloak does at start: `${NAME}` is replaced in the text, then the JSON is read. Each client of
// the realm becomes one of `oidc-provider`, a certified implementation of OpenID Connect. Listens on loopback and
// prints its issuer; lives until its standard input ends.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const { Provider } = await import(createRequire(`${process.env.KEYCLOAK_TOOLS}/`).resolve('oidc-provider'));

const text = readFileSync(process.argv[2], 'utf8').replace(
  /\$\{([^}]+)\}/g,
  (whole, name) => process.env[name] ?? whole,
);
const realm = JSON.parse(text);

const clients = realm.clients.map((client) => {
  if (client.publicClient || client.clientAuthenticatorType !== 'client-secret') {
    throw new Error(`${client.clientId} does not authenticate with a secret`);
  }
  return {
    client_id: client.clientId,
    client_secret: client.secret,
    client_name: client.name,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: [
      ...(client.serviceAccountsEnabled ? ['client_credentials'] : []),
      ...(client.standardFlowEnabled ? ['authorization_code'] : []),
    ],
    response_types: client.standardFlowEnabled ? ['code'] : [],
    redirect_uris: client.redirectUris,
    scope: ['openid', ...client.defaultClientScopes].join(' '),
  };
});

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients,
  scopes: ['openid', ...new Set(realm.clients.flatMap((client) => client.defaultClientScopes))],
  claims: { email: ['email'], profile: ['name'] },
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: true },
  },
  pkce: { required: (_, client) => challenged(client.clientId) },
  ttl: { ClientCredentials: realm.accessTokenLifespan, AccessToken: realm.accessTokenLifespan },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});

function challenged(clientId) {
  const client = realm.clients.find((candidate) => candidate.clientId === clientId);
  return client.attributes['pkce.code.challenge.method'] === 'S256';
}

server.on('request', provider.callback());
process.stdout.write(`${issuer}\n`);
process.stdin.resume().on('end', () => process.exit(0));
