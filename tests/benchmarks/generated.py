"""Templates of any size, made for the benchmarks: no two runs differ."""

from __future__ import annotations

from textwrap import indent

IMAGE = "Ubuntu 22.04 (Simulator)"
OFFERING = "Small Instance"


def cluster(machines: int) -> str:
    """One group of this many machines: its critical path is one machine."""
    return f"""\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Size: {{Type: Number, Default: {machines}}}
Resources:
  Launch:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties:
      ImageId: {IMAGE}
      InstanceType: {OFFERING}
      UserData: !Base64 "#!/bin/bash\\necho ready\\n"
  Node:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      LaunchConfigurationName: !Ref Launch
      MinSize: !Ref Size
      MaxSize: !Ref Size
"""


def _web(number: int) -> str:
    return f"""\
Web{number}:
  Type: AWS::EC2::Instance
  Metadata:
    Purpose: One of the web servers of the site
  Properties:
    ImageId: !FindInMap [Images, !Ref AWS::Region, Id]
    InstanceType: !If [Large, m5.large, !Ref InstanceType]
    KeyName: !If [HasKey, !Ref KeyName, !Ref AWS::NoValue]
    SecurityGroupIds:
      - !GetAtt Group{number}.GroupId
    BlockDeviceMappings:
      - DeviceName: /dev/sda1
        Ebs:
          VolumeSize: 20
          DeleteOnTermination: true
    Tags:
      - Key: Name
        Value: !Sub ${{AWS::StackName}}-web-{number}
      - Key: Owner
        Value: !Join ["-", [!Ref Owner, web, "{number}"]]
    UserData:
      Fn::Base64: !Sub |
        #!/bin/bash
        echo "${{AWS::StackName}} {number}" >/etc/motd
        echo "${{Owner}}" >>/etc/motd
"""


def _group(number: int) -> str:
    return f"""\
Group{number}:
  Type: AWS::EC2::SecurityGroup
  Properties:
    GroupDescription: !Sub The group {number} of ${{AWS::StackName}}
    SecurityGroupIngress:
      - IpProtocol: tcp
        FromPort: 80
        ToPort: 80
        CidrIp: 0.0.0.0/0
      - IpProtocol: tcp
        FromPort: 22
        ToPort: 22
        CidrIp: !Ref AllowedCidr
"""


def _address(number: int) -> str:
    return f"""\
Address{number}:
  Type: AWS::EC2::EIP
  Properties:
    InstanceId: !Ref Web{number}
"""


def _disk(number: int) -> str:
    return f"""\
Disk{number}:
  Type: AWS::EC2::Volume
  DeletionPolicy: Delete
  UpdateReplacePolicy: Delete
  Properties:
    Size: {10 + number % 50}
    AvailabilityZone: !GetAtt Web{number}.AvailabilityZone
    Tags:
      - Key: Name
        Value: !Sub ${{AWS::StackName}}-disk-{number}
"""


def _attachment(number: int) -> str:
    return f"""\
Attachment{number}:
  Type: AWS::EC2::VolumeAttachment
  Properties:
    Device: /dev/sdf
    InstanceId: !Ref Web{number}
    VolumeId: !Ref Disk{number}
"""


_HEAD = """\
AWSTemplateFormatVersion: "2010-09-09"
Description: A site of many web servers, each with a disk and an address of its own
Parameters:
  InstanceType:
    Type: String
    Default: t3.small
  KeyName:
    Type: String
    Default: ""
  Owner:
    Type: String
    Default: operations
  AllowedCidr:
    Type: String
    Default: 10.0.0.0/8
    AllowedPattern: "[0-9./]+"
  Size:
    Type: String
    Default: small
    AllowedValues: [small, large]
Mappings:
  Images:
    us-east-1:
      Id: ami-0123456789abcdef0
    cloudstack:
      Id: ami-0123456789abcdef0
Conditions:
  HasKey: !Not [!Equals [!Ref KeyName, ""]]
  Large: !Equals [!Ref Size, large]
Resources:
"""


def large(resources: int = 500) -> str:
    """A template for validation alone: 500 resources of five types in some 6,500 lines, with functions throughout."""
    makers = (_group, _web, _disk, _attachment, _address)
    parts = [_HEAD]
    parts += [indent(makers[n % len(makers)](n // len(makers)), "  ") + "\n" for n in range(resources)]
    parts.append("Outputs:\n")
    parts += [
        f"  Address{n}:\n    Description: Where the web server {n} is reached\n    Value: !Ref Address{n}\n"
        for n in range(min(resources // len(makers), 100))
    ]
    return "".join(parts)
