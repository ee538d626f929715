import { AmazonLinuxCpuType, type IMachineImage, MachineImage } from 'aws-cdk-lib/aws-ec2'
import type { Config } from './config.ts'

/** Amazon Linux as it is pinned, else the newest. */
export function machineImage({ region, pins }: Config, architecture: Config['architecture']): IMachineImage {
  const pinned = pins.machineImages[architecture]
  if (pinned) return MachineImage.genericLinux({ [region]: pinned })
  return MachineImage.latestAmazonLinux2023({
    cpuType: architecture === 'arm64' ? AmazonLinuxCpuType.ARM_64 : AmazonLinuxCpuType.X86_64,
  })
}
