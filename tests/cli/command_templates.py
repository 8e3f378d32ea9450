"""The templates that the tests of the command line use."""

from __future__ import annotations

NETWORK = """\
  Network:
    Type: CloudStack::Network
    Properties:
      zoneid: Sandbox
      networkofferingid: DefaultIsolatedNetworkOfferingWithSourceNatService
      displaytext: !Sub net of ${Size}
"""
MACHINE = """\
  {name}:
    Type: CloudStack::VirtualMachine
    Properties:
      zoneid: Sandbox
      templateid: Debian 12 (Simulator)
      serviceofferingid: {size}
      networkids: [!Ref Network]
"""
HEAD = """\
Parameters:
  Size: {Type: String, Default: Small Instance}
  Secret: {Type: String, Default: hidden-word, NoEcho: true}
  Count: {Type: Number, Default: 1}
Resources:
"""
TAIL = """\
Outputs:
  Machine: {Value: !Ref Machine}
  Size: {Value: !Ref Size}
"""
PLAIN = HEAD + NETWORK + MACHINE.format(name="Machine", size="!Ref Size") + TAIL
GROUP = """\
Parameters:
  Count: {Type: Number, Default: 20}
Resources:
  Launch:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties: {ImageId: Debian 12 (Simulator), InstanceType: Small Instance}
  Agents:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {LaunchConfigurationName: !Ref Launch, MinSize: !Ref Count, MaxSize: !Ref Count}
"""
WRONG = """\
Resources:
  A: {Type: AWS::EC2::Instanc}
  B:
    Type: AWS::EC2::Instance
    Properties: {ImageId: !Ref Nope, Colour: 1}
"""
