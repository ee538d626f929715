"""Calls an API without the need of rights, and prints the response. Arguments: service, operation, parameters in JSON."""

import json
import sys

from users import client

service, operation, parameters = sys.argv[1:]
print(json.dumps(getattr(client(service), operation)(**json.loads(parameters)), default=str))
