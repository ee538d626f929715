"""Starts moto. A call needs the rights of one of users.py's users, on the resource that it names; each is printed."""

import json

from moto import server, settings
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionAuthenticatorMixin
from moto.iam.access_control import IAMRequest
from moto.logs.responses import LogsResponse
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.ssm.responses import SimpleSystemManagerResponse

authorize = ActionAuthenticatorMixin._authenticate_and_authorize_action
check_action_permitted = IAMRequest.check_action_permitted
raise_access_denied = IAMRequest._raise_access_denied


def authorize_users(self, *args):
    # The tests' own calls have this key.
    if "Credential=test/" not in self.headers.get("Authorization", ""):
        authorize(self, *args)


def print_and_check(self, resource):
    # Requests to CloudWatch are signed with its former name.
    self._action = self._action.replace("monitoring:", "cloudwatch:")
    print("action", self._access_key.arn.split("/")[-1], self._action, flush=True)
    check_action_permitted(self, resource)


def deny(self):
    # moto's own error is XML, which the JSON protocol cannot have.
    if "X-Amz-Target" in self._headers:
        raise JsonRESTError("AccessDeniedException", f"{self._access_key.arn} may not {self._action}")
    raise_access_denied(self)


def secret(self):
    return json.loads(self.body).get("SecretId", "*")


def parameter(self):
    name = json.loads(self.body).get("Name")
    return f"arn:aws:ssm:{self.region}:{self.current_account}:parameter/{name.lstrip('/')}" if name else "*"


def log_stream(self):
    group, stream = (json.loads(self.body).get(name, "") for name in ("logGroupName", "logStreamName"))
    return f"arn:aws:logs:{self.region}:{self.current_account}:log-group:{group}:log-stream:{stream}"


def stack(self):
    return f"arn:aws:cloudformation:{self.region}:{self.current_account}:stack/{self._get_param('StackName')}/id"


def signal_resource(self):
    """moto has none. Prints what it received."""
    fields = ("UniqueId", "Status", "LogicalResourceId", "StackName")
    print("signal", *(self._get_param(field) for field in fields), flush=True)
    return "<SignalResourceResponse/>"


settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
ActionAuthenticatorMixin._authenticate_and_authorize_action = authorize_users
IAMRequest.check_action_permitted = print_and_check
IAMRequest._raise_access_denied = deny
CloudFormationResponse._determine_resource = stack
CloudFormationResponse.signal_resource = signal_resource
LogsResponse._determine_resource = log_stream
SecretsManagerResponse._determine_resource = secret
SimpleSystemManagerResponse._determine_resource = parameter
# Security groups let nothing else out.
server.main(["-H", "0.0.0.0", "-p", "443"])
