"""Starts moto. Prints each action whose rights it checks: that of users.py's users, on the resource that a call names."""

import json

from moto import server
from moto.core.exceptions import JsonRESTError
from moto.iam.access_control import IAMRequest
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.ssm.responses import SimpleSystemManagerResponse

check_action_permitted = IAMRequest.check_action_permitted


def print_and_check(self, resource):
    print("action", self._access_key.arn, self._action, flush=True)
    check_action_permitted(self, resource)


def deny(self):
    # moto's own error is XML, which the JSON protocol of these APIs cannot have.
    raise JsonRESTError("AccessDeniedException", f"{self._access_key.arn} may not {self._action}")


def secret(self):
    return json.loads(self.body).get("SecretId", "*")


def parameter(self):
    name = json.loads(self.body).get("Name")
    return f"arn:aws:ssm:{self.region}:{self.current_account}:parameter/{name}" if name else "*"


IAMRequest.check_action_permitted = print_and_check
IAMRequest._raise_access_denied = deny
SecretsManagerResponse._determine_resource = secret
SimpleSystemManagerResponse._determine_resource = parameter
server.main(["-H", "0.0.0.0", "-p", "5000"])
