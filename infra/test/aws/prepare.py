"""Creates what a deployment creates before an instance boots, and prints the names and keys that AWS has chosen.

Arguments: port; name of the log group, the secret and the user; statements of the user's policy.
"""

import json
import sys

from users import client, create_user

port, name, statements = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])

ec2, elb = client("ec2"), client("elbv2")
image = ec2.describe_images()["Images"][0]["ImageId"]
instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]
subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"][:2]]
balancer = elb.create_load_balancer(Name=f"b{instance['InstanceId']}", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
targets = elb.create_target_group(Name=f"t{instance['InstanceId']}", Protocol="HTTP", Port=port, VpcId=instance["VpcId"])
target_group = targets["TargetGroups"][0]["TargetGroupArn"]
forward = [{"Type": "forward", "TargetGroupArn": target_group}]
elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=forward)
client("logs").create_log_group(logGroupName=name)
password = {"username": "app", "password": "the-first-password"}
secret = client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(password))["ARN"]
keys = create_user(name, statements)
print(json.dumps({"instance": instance["InstanceId"], "targetGroup": target_group, "secret": secret, "keys": keys}))
