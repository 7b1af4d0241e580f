"""The simulated tenant's fixed facts: who may sign in to it and as whom.

The one rule: these are published constants of a made-up tenant, so nothing here is a secret, and nothing that looks
like a real tenant's key may ever be put here.
"""

from __future__ import annotations

TENANT_ID = "11eb0000-51b1-4a7e-8000-0242ac110002"
AREA = "na1"
DOMAIN = "niceincontact.com"

# The access key of the demo's agent (api.md, "Signing in").
ACCESS_KEY_ID = "SIMULATOR-ACCESS-KEY-ID"
ACCESS_KEY_SECRET = "SIMULATOR-ACCESS-KEY-SECRET"

# The OpenID back-end application. Both carry characters that HTTP Basic gets wrong unless they are URL-encoded first.
CLIENT_ID = "simulator@training"
CLIENT_SECRET = "simulated:secret/+%="

# The agent whom the access key belongs to (the claim `userId` of its tokens), and a second one to share calls with.
USER_ID = "11ec0a6e-5f0d-4b7a-9a30-0242ac110003"
OTHER_USER_ID = "11ec0a6e-5f0d-4b7a-9a30-0242ac110004"

PERMISSION = "Interactions Hub > APIs > Multi-ACD Masking API"
