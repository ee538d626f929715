"""Creates the resources that a deployment creates before an instance boots; prints their names. Arguments: port, name of a new log group."""

import json
import sys

import boto3

port, log_group = int(sys.argv[1]), sys.argv[2]


def client(service):
    return boto3.client(
        service,
        region_name="ap-northeast-1",
        endpoint_url="http://127.0.0.1:5000",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


ec2, elb = client("ec2"), client("elbv2")
image = ec2.describe_images()["Images"][0]["ImageId"]
instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]
subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"][:2]]
balancer = elb.create_load_balancer(Name=f"b{instance['InstanceId']}", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
targets = elb.create_target_group(Name=f"t{instance['InstanceId']}", Protocol="HTTP", Port=port, VpcId=instance["VpcId"])
target_group = targets["TargetGroups"][0]["TargetGroupArn"]
forward = [{"Type": "forward", "TargetGroupArn": target_group}]
elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=forward)
client("logs").create_log_group(logGroupName=log_group)
password = {"username": "app", "password": "the-first-password"}
secret = client("secretsmanager").create_secret(Name=instance["InstanceId"], SecretString=json.dumps(password))["ARN"]
print(json.dumps({"instance": instance["InstanceId"], "targetGroup": target_group, "secret": secret}))
